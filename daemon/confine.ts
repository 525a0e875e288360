/** Starting a process with less: another user, no capabilities, a bound on CPU and memory, by the tools of util-linux. */

/** A user of this system. */
export interface User {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

/** What a child process is to be bounded by. */
export interface Confinement {
  /** CPU time of its whole life (RLIMIT_CPU), seconds. */
  readonly cpuSeconds?: number;
  /** User to become; only root can. */
  readonly user?: User;
  /** Give him his supplementary groups, too; otherwise he has none. */
  readonly groups?: boolean;
  /** Keep the right to listen below port 1024. */
  readonly lowPorts?: boolean;
  /** Data segment from the start on, octets; has to hold what the runtime reserves and never touches. */
  readonly dataOctets?: number;
  /** Signal to get when the parent dies. */
  readonly parentDeathSignal?: "KILL" | "TERM";
}

/** Where the tools stand; not from PATH, which a caller may have set to anything. */
const TOOL_DIRECTORIES = ["/usr/bin", "/bin", "/usr/sbin", "/sbin", "/usr/local/bin"];

const found = new Map<string, string | undefined>();

/** @returns the path of a system tool; `undefined` where it is not installed. */
export function systemTool(name: string): string | undefined {
  if (!found.has(name)) {
    const paths = TOOL_DIRECTORIES.map((directory) => `${directory}/${name}`);
    found.set(name, paths.find((path) => isFile(path)));
  }
  return found.get(name);
}

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

/**
 * Puts the bounds before a command: `setpriv … prlimit … COMMAND`. Each tool replaces itself by the next, so that the process
 * id is the command's. What no installed tool can do is left out and named in `missing`.
 */
export function confined(
  command: readonly [string, ...string[]],
  bounds: Confinement,
): { readonly command: readonly [string, ...string[]]; readonly missing: readonly string[] } {
  const missing: string[] = [];
  const prefix: string[] = [];
  const setpriv = systemTool("setpriv");
  if (setpriv) {
    prefix.push(setpriv, "--no-new-privs");
    const user = bounds.user;
    if (user) {
      const groups = bounds.groups ? "--init-groups" : "--clear-groups";
      prefix.push(`--reuid=${user.uid}`, `--regid=${user.gid}`, groups);
    }
    if (Deno.uid() === 0) {
      const kept = bounds.lowPorts ? "-all,+net_bind_service" : "-all";
      prefix.push(`--bounding-set=${kept}`, `--inh-caps=${kept}`);
      if (bounds.lowPorts) prefix.push("--ambient-caps=+net_bind_service");
    }
    if (bounds.parentDeathSignal) prefix.push(`--pdeathsig=${bounds.parentDeathSignal}`);
  } else {
    missing.push("setpriv");
  }
  const prlimit = systemTool("prlimit");
  if (prlimit) {
    prefix.push(prlimit, "--core=0");
    if (bounds.dataOctets) prefix.push(`--data=${bounds.dataOctets}`);
    if (bounds.cpuSeconds) prefix.push(`--cpu=${bounds.cpuSeconds}`);
  } else {
    missing.push("prlimit");
  }
  const [first, ...rest] = [...prefix, ...command];
  return { command: [first ?? command[0], ...rest], missing };
}

/**
 * Bounds what a running process may still take: its data segment (RLIMIT_DATA) as it is now, and so many octets more. It is done
 * from outside and after the start, because the runtime reserves half a gigabyte of address space for code in each thread, which
 * it never touches; how much differs between versions.
 *
 * @returns false where it cannot be done.
 */
export async function boundMemory(pid: number, octets: number): Promise<boolean> {
  const prlimit = systemTool("prlimit");
  if (!prlimit) return false;
  const limit = (await dataOctets(pid) ?? RESERVED_OCTETS) + octets;
  try {
    const command = new Deno.Command(prlimit, {
      args: [`--pid=${pid}`, `--data=${limit}:${limit}`],
      stdin: "null",
      stdout: "null",
      stderr: "null",
    });
    return (await command.output()).success;
  } catch {
    return false;
  }
}

/** What the runtime reserves with two threads, where it cannot be looked up: generously, octets. */
const RESERVED_OCTETS = 2 * 1024 ** 3;

/** Size of a process's data segment; `undefined` where /proc cannot be read (the runtime wants all permissions for that). */
async function dataOctets(pid: number): Promise<number | undefined> {
  try {
    const status = await Deno.readTextFile(`/proc/${pid}/status`);
    const kilobytes = /^VmData:\s*(\d+) kB$/m.exec(status)?.[1];
    return kilobytes === undefined ? undefined : Number(kilobytes) * 1024;
  } catch {
    return undefined;
  }
}

/** @returns the user of that name in /etc/passwd; `undefined` where there is none. */
export function findUser(name: string, passwd = readPasswd()): User | undefined {
  for (const line of passwd.split("\n")) {
    const [user, , uid, gid] = line.split(":");
    if (user !== name || !/^\d+$/.test(uid ?? "") || !/^\d+$/.test(gid ?? "")) continue;
    return { name, uid: Number(uid), gid: Number(gid) };
  }
  return undefined;
}

/** Name of the user that this process runs as; the number where he has none. */
export function userName(uid: number | null = Deno.uid(), passwd = readPasswd()): string {
  const line = passwd.split("\n").map((each) => each.split(":")).find((fields) =>
    fields[2] === String(uid)
  );
  return line?.[0] || String(uid ?? "");
}

function readPasswd(): string {
  try {
    return Deno.readTextFileSync("/etc/passwd");
  } catch {
    return "";
  }
}

/** Whether a user could read all of these files and directories: that they and the directories above are not closed to him. */
export function mayRead(user: User, ...paths: readonly string[]): boolean {
  return mayAccess(user, "-r", paths);
}

/** Whether a user could make files in a directory. */
export function mayWrite(user: User, path: string): boolean {
  return mayAccess(user, "-w", [path]);
}

function mayAccess(user: User, how: "-r" | "-w", paths: readonly string[]): boolean {
  const setpriv = systemTool("setpriv");
  const test = systemTool("test");
  if (!setpriv || !test) return true; // cannot be known beforehand; the start itself will say
  const each = paths.flatMap((path, i) => i === 0 ? [how, path] : ["-a", how, path]);
  return new Deno.Command(setpriv, {
    args: [`--reuid=${user.uid}`, `--regid=${user.gid}`, "--init-groups", test, ...each],
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).outputSync().success;
}

/**
 * Resident memory of a process that is its own, octets: pages of files, which it has in common with others, are left out.
 *
 * @returns `undefined` where it is gone or the system does not say.
 * @see proc(5), statm
 */
export function residentOctets(pid: number): number | undefined {
  try {
    const [, resident, shared] = Deno.readTextFileSync(`/proc/${pid}/statm`).split(" ").map(Number);
    return resident === undefined || shared === undefined ? undefined : (resident - shared) * 4096;
  } catch {
    return undefined;
  }
}
