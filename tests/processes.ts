/** Looks at processes by /proc: proc(5). */

/** One process. */
export interface ProcessFacts {
  readonly pid: number;
  readonly parent: number;
  readonly command: string;
}

/** All processes that may be seen. */
export async function processes(): Promise<ProcessFacts[]> {
  const all: ProcessFacts[] = [];
  for await (const { name } of Deno.readDir("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const stat = await Deno.readTextFile(`/proc/${name}/stat`);
      // The name in parentheses may hold anything: fields count from the last one.
      const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      if (fields[0] === "Z") continue;
      const command = (await Deno.readTextFile(`/proc/${name}/cmdline`)).replaceAll("\0", " ")
        .trim();
      all.push({ pid: Number(name), parent: Number(fields[1]), command });
    } catch {
      // It ended while it was looked at.
    }
  }
  return all;
}

/** A process and all that descend from it, the process itself first. */
export async function processTree(root: number): Promise<ProcessFacts[]> {
  const all = await processes();
  const tree = all.filter(({ pid }) => pid === root);
  for (let at = 0; at < tree.length; at++) {
    tree.push(...all.filter(({ parent }) => parent === tree[at]?.pid));
  }
  return tree;
}

/** Proportional set size of processes, octets: what they hold, shared pages parted among their users. */
export async function pss(pids: readonly number[]): Promise<number> {
  let kilobytes = 0;
  for (const pid of pids) {
    try {
      const rollup = await Deno.readTextFile(`/proc/${pid}/smaps_rollup`);
      kilobytes += Number(/^Pss:\s+(\d+) kB$/m.exec(rollup)?.[1] ?? 0);
    } catch {
      // It ended, or belongs to another user.
    }
  }
  return kilobytes * 1024;
}

/** Whether a process is there (and not a zombie). */
export async function isAlive(pid: number): Promise<boolean> {
  try {
    const stat = await Deno.readTextFile(`/proc/${pid}/stat`);
    return stat.slice(stat.lastIndexOf(")") + 2)[0] !== "Z";
  } catch {
    return false;
  }
}
