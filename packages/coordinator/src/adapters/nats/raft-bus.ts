/** Raft frames over NATS subjects: never a queue group, never a request; replies are ordinary frames to the sender's subject. */
import type { Subjects } from "@triad/protocol";
import { frameSender } from "../../services/raft-driver/frame.ts";
import type { RaftBus } from "../../services/raft-driver/ports.ts";
import type { NatsLink } from "./connection.ts";

export interface RaftBusOptions {
  readonly link: NatsLink;
  readonly subjects: Subjects;
  readonly self: string;
  /** Raft id ↔ coordinator id. */
  readonly nameOf: (raftId: number) => string;
  readonly onError: (error: Error) => void;
}

/** Frames above this carry entries: they go apart from votes and heartbeats, so that an observer can tell the lanes apart. */
const CONTROL_BYTES_MAX = 512;

export function natsRaftBus(options: RaftBusOptions): RaftBus {
  const { link, subjects, self } = options;
  return {
    get connected() {
      return link.connected;
    },
    send(to, frame) {
      const name = options.nameOf(to);
      if (name === "" || !link.connected) return;
      link.connection.publish(subjects.raft(name, frame.length <= CONTROL_BYTES_MAX ? "control" : "replicate"), frame);
    },
    onFrame(handler) {
      // Not the snapshot lane: it has a connection of its own.
      for (const lane of ["control", "replicate"] as const) {
        link.connection.subscribe(subjects.raft(self, lane), {
          callback: (error, message) => {
            if (error) options.onError(error);
            else handler(frameSender(message.data), message.data);
          },
        });
      }
    },
  };
}
