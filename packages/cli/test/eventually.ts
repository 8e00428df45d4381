/** Polls until something holds; for what other processes do. Fails by saying what did not come. */
export async function eventually<T>(what: string, check: () => T | Promise<T>, withinMs = 20_000): Promise<NonNullable<T>> {
  const until = performance.now() + withinMs;
  for (;;) {
    const value = await check();
    if (value) return value;
    if (performance.now() > until) throw new Error(`${what}: not within ${withinMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
