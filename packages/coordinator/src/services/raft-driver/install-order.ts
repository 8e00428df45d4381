/**
 * Keeps the answers of storage in order while a received state is put in place: what became durable meanwhile rests on a log that begins
 * after that state, so its answers wait for it.
 */
export class InstallOrder {
  #waiting: (() => void)[] | undefined;

  /** Runs at once, or after the installation that goes on. */
  after(run: () => void): void {
    if (this.#waiting === undefined) run();
    else this.#waiting.push(run);
  }

  /** `settled` comes before everything that `after` was given meanwhile. */
  begin(installation: Promise<void>, settled: (error: Error | null) => void): void {
    this.#waiting ??= [];
    const end = (error: Error | null): void => {
      const waiting = this.#waiting ?? [];
      this.#waiting = undefined;
      settled(error);
      for (const run of waiting) run();
    };
    installation.then(
      () => end(null),
      (error: unknown) => end(error instanceof Error ? error : new Error(String(error))),
    );
  }
}
