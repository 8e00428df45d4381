/** Looks at a cluster from outside, once, without repeats: for whoever polls while it comes up or goes down. */
import type { ClusterView } from "@triad/client";

/** A coordinator that does not answer such a question in this time is looked at again, not waited for. */
const LOOK_MS = 2_000;

async function look(url: string, token: string | undefined): Promise<Response | undefined> {
  try {
    return await fetch(url, {
      signal: AbortSignal.timeout(LOOK_MS),
      headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
    });
  } catch {
    return undefined; // not up yet
  }
}

/** Has a leader and has applied it. */
export async function coordinatorReady(base: string, token: string | undefined): Promise<boolean> {
  const response = await look(`${base}/readyz`, token);
  await response?.body?.cancel();
  return response?.status === 200;
}

export async function clusterView(base: string, token: string | undefined): Promise<ClusterView | undefined> {
  const response = await look(`${base}/v1/cluster`, token);
  if (response?.status !== 200) {
    await response?.body?.cancel();
    return undefined;
  }
  try {
    return (await response.json()) as ClusterView;
  } catch {
    return undefined; // cut off in the middle
  }
}
