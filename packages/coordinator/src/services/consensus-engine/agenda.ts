/**
 * What falls due at which log time: deadlines and retries, rebuilt from Φ by a new leader. A binary heap; entries are checked against Φ when
 * they come up, so nothing has to be taken out when a task changes.
 */

export interface AgendaItem {
  readonly at: number;
  readonly task: string;
}

export class Agenda {
  private readonly heap: AgendaItem[] = [];

  clear(): void {
    this.heap.length = 0;
  }

  get nextAt(): number | undefined {
    return this.heap[0]?.at;
  }

  add(item: AgendaItem): void {
    const { heap } = this;
    let child = heap.push(item) - 1;
    while (child > 0) {
      const parent = (child - 1) >> 1;
      const above = heap[parent];
      if (above === undefined || above.at <= item.at) break;
      heap[child] = above;
      child = parent;
    }
    heap[child] = item;
  }

  /** Takes out everything that is due, earliest first. */
  takeDue(nowMs: number): readonly AgendaItem[] {
    const due: AgendaItem[] = [];
    for (let first = this.heap[0]; first !== undefined && first.at <= nowMs; first = this.heap[0]) {
      due.push(first);
      this.removeFirst();
    }
    return due;
  }

  private removeFirst(): void {
    const { heap } = this;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let parent = 0;
    for (;;) {
      let child = parent * 2 + 1;
      const left = heap[child];
      const right = heap[child + 1];
      if (left === undefined) break;
      if (right !== undefined && right.at < left.at) child++;
      const smaller = heap[child] as AgendaItem;
      if (smaller.at >= last.at) break;
      heap[parent] = smaller;
      parent = child;
    }
    heap[parent] = last;
  }
}
