/** Does work on many things at once and gives the results in the order of the things. */

/** Results that may wait behind a slow one, for each job: bounds memory, keeps the jobs busy. */
const WAITING_PER_JOB = 16;

/**
 * @param things Taken only as fast as results are taken.
 * @param jobs How many are worked on at once.
 * @param work Must not reject for what a thing is; a rejection ends the run.
 */
export async function* inOrder<T, R>(
  things: AsyncIterable<T>,
  jobs: number,
  work: (thing: T) => Promise<R>,
): AsyncGenerator<R> {
  let free = jobs;
  const turns: (() => void)[] = [];
  async function limited(thing: T): Promise<R> {
    if (free > 0) free--;
    else await new Promise<void>((resolve) => turns.push(resolve));
    try {
      return await work(thing);
    } finally {
      const next = turns.shift();
      if (next) next();
      else free++;
    }
  }
  const iterator = things[Symbol.asyncIterator]();
  const started: Promise<R>[] = [];
  let next: Promise<IteratorResult<T>> | undefined;
  let ended = false;
  while (!ended || started.length > 0) {
    if (!ended && started.length < jobs * WAITING_PER_JOB) next ??= iterator.next();
    const [head] = started;
    // Whichever comes first; the loser stays in its variable for the next round.
    const first = await Promise.race([
      ...(head === undefined ? [] : [head.then(() => "result" as const)]),
      ...(next === undefined ? [] : [next.then(() => "thing" as const)]),
    ]);
    if (first === "result") {
      started.shift();
      yield await (head as Promise<R>);
      continue;
    }
    const taken = await (next as Promise<IteratorResult<T>>);
    next = undefined;
    if (taken.done) {
      ended = true;
      continue;
    }
    const running = limited(taken.value);
    running.catch(() => {}); // reported when its turn comes
    started.push(running);
  }
}
