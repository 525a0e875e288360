/** CPU time of processes: proc(5), stat. */

/** Ticks of a second: 100 on every Linux that Deno runs on. */
const TICKS = 100;

/** User and system time of processes, without that of their children, s; of one that has ended meanwhile none is known. */
export async function cpuSeconds(pids: readonly number[]): Promise<number> {
  let ticks = 0;
  for (const pid of pids) {
    const stat = await Deno.readTextFile(`/proc/${pid}/stat`).catch(() => undefined);
    if (stat === undefined) continue;
    // the name in parentheses may hold anything: fields count from the last one
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    ticks += Number(fields[11]) + Number(fields[12]);
  }
  return ticks / TICKS;
}
