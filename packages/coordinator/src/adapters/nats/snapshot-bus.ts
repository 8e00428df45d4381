/** The snapshot lane over a NATS connection of its own: what waits in a socket there holds up no vote and no heartbeat. */
import type { SnapshotBus } from "../../services/snapshot/ports.ts";
import type { RaftBusOptions } from "./raft-bus.ts";

export function natsSnapshotBus({ link, subjects, self, nameOf, onError }: RaftBusOptions): SnapshotBus {
  return {
    get connected() {
      return link.connected;
    },
    send(to, frame) {
      const name = nameOf(to);
      if (name !== "" && link.connected) link.connection.publish(subjects.raft(name, "snapshot"), frame);
    },
    onFrame(handler) {
      link.connection.subscribe(subjects.raft(self, "snapshot"), {
        callback: (error, message) => {
          if (error) onError(error);
          else handler(message.data);
        },
      });
    },
  };
}
