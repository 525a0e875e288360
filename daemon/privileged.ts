/**
 * Giving up root. Only a new program can be another user in all its threads, so this process becomes one: setpriv, then Postern
 * again, under the same process id. Where a process cannot be replaced, root's waits for the other, passes signals on, and
 * opens no mail, no socket and no document.
 */
import { dirname } from "node:path";
import { reasonOf } from "../agents/describe.ts";
import { PosternError } from "../errors.ts";
import { agentNextHop, type Config } from "../policy/config.ts";
import { isPassed } from "../policy/listen.ts";
import { confined, type Confinement, mayRead, mayWrite, systemTool, type User } from "./confine.ts";
import { ALLOCATOR, NURSERY, processCommand } from "./entries.ts";
import { namedFiles } from "./secrets.ts";
import { execInPlace } from "./exec.ts";
import type { Handover } from "./handover.ts";
import { closedProgramFile, serviceUser } from "./unprivileged.ts";

/** Signals that the waiting process passes on. */
const PASSED = ["SIGTERM", "SIGINT", "SIGHUP"] as const;
const SIGNAL_NUMBERS: Readonly<Record<string, number>> = {
  SIGHUP: 1,
  SIGINT: 2,
  SIGKILL: 9,
  SIGTERM: 15,
};

/**
 * Runs the daemon as the configuration's user. Does not return where this process is replaced.
 *
 * @param path The configuration document, absolute.
 * @param again Arguments of `postern daemon` for the process that replaces this one; without them this one stays and waits.
 * @returns the other process's exit status; 128 and the signal's number where a signal ended it.
 * @throws {PosternError} `"daemon/user"` where that user cannot do the work, with what to do.
 */
export async function giveUpRoot(
  path: string,
  config: Config,
  again: readonly string[] | undefined,
): Promise<number> {
  const user = serviceUser(config.user);
  if (!user || !systemTool("setpriv")) {
    throw new PosternError(
      "daemon/user",
      user
        ? "Cannot give up root: setpriv (package util-linux) is not installed. Start the daemon as an unprivileged user"
        : `Cannot give up root: there is neither a user ${config.user} nor nobody. Make one: useradd --system ${config.user}`,
    );
  }
  refuseClosed(user, path, config);
  await prepareState(user, config);
  const handover: Handover = { config, files: await rootsFiles(user, config) };
  const input = JSON.stringify(handover);
  const plain = processCommand(
    "daemon",
    ["--allow-all", `--v8-flags=${NURSERY}`],
    again ?? ["--config", path],
  );
  // All, since the runtime reads /proc for nobody else, and what may start processes may do everything anyway.
  const bounds: Confinement = {
    user,
    groups: true,
    lowPorts: config.agents.some(({ listen }) => lowPort(listen)),
  };
  const environment = {
    ...ALLOCATOR,
    ...Deno.env.toObject(),
    ...cacheDirectory(),
    HOME: config.state,
  };
  if (again) execInPlace(confined(plain, bounds).command, environment, input);
  return await waitFor(
    confined(plain, { ...bounds, parentDeathSignal: "TERM" }).command,
    environment,
    input,
  );
}

/** The way where a process cannot be replaced: a child, and root's process that stays. */
async function waitFor(
  [program, ...args]: readonly [string, ...string[]],
  environment: Readonly<Record<string, string>>,
  input: string,
): Promise<number> {
  const child = new Deno.Command(program, {
    args,
    env: environment,
    stdin: "piped",
    stdout: "inherit",
    stderr: "inherit",
  }).spawn();
  const pass = PASSED.map((signal) => {
    const handler = () => {
      try {
        child.kill(signal);
      } catch {
        // It is gone already.
      }
    };
    Deno.addSignalListener(signal, handler);
    return () => Deno.removeSignalListener(signal, handler);
  });
  try {
    const stdin = child.stdin.getWriter();
    await stdin.write(new TextEncoder().encode(input)).catch(() => {});
    await stdin.close().catch(() => {});
    const status = await child.status;
    return status.signal ? 128 + (SIGNAL_NUMBERS[status.signal] ?? 0) : status.code;
  } finally {
    for (const unpass of pass) unpass();
  }
}

/** @throws {PosternError} `"daemon/user"` for the first file that the user needs and cannot read. */
function refuseClosed(user: User, path: string, config: Config): void {
  const program = closedProgramFile(user);
  if (program !== undefined) {
    throw new PosternError(
      "daemon/user",
      `The daemon gives up root and becomes ${user.name}, who cannot read its program in ${program}. Start it by bin/postern, ` +
        `which keeps a copy that can be read; or put it where ${user.name} can read it (DENO_DIR names Deno's cache); or set ` +
        `user: "root" in the configuration to go on as root`,
    );
  }
  for (const file of [path, config.policy]) {
    if (!isThere(file) || mayRead(user, file)) continue;
    throw new PosternError(
      "daemon/user",
      `The daemon gives up root and becomes ${user.name}, who cannot read ${file}. Give the file to that user or to one of his ` +
        `groups, and see that he may enter the directories above it`,
    );
  }
}

/** Certificates, keys and passwords that root alone can read: read now, for they can never be read again. */
async function rootsFiles(user: User, config: Config): Promise<Record<string, string>> {
  const files: Record<string, string> = {};
  for (const file of namedFiles(config)) {
    // One that is not there is refused where the agents' settings are made, with the agent's name.
    if (isThere(file) && !mayRead(user, file)) files[file] = await Deno.readTextFile(file);
  }
  return files;
}

/**
 * Makes the state directory and those of Maildirs, for the user alone, and that of the tools' socket, which others may enter. What
 * is there and another's is not touched.
 */
async function prepareState(user: User, config: Config): Promise<void> {
  const maildirs = config.agents.map((agent) =>
    /^maildir:(.+)$/.exec(agentNextHop(agent) ?? "")?.[1]
  )
    .filter((path) => path !== undefined);
  const forTools = config.tools ? [dirname(config.tools.socket.slice("unix:".length))] : [];
  for (const directory of [config.state, ...maildirs, ...forTools]) {
    try {
      await prepare(user, directory, forTools.includes(directory) ? 0o755 : 0o700);
    } catch (cause) {
      if (cause instanceof PosternError) throw cause;
      const what = `Cannot make the directory ${directory}: ${reasonOf(cause)}`;
      throw new PosternError("document/invalid", what, { cause });
    }
  }
}

/** One directory of the configuration. */
async function prepare(user: User, directory: string, mode: number): Promise<void> {
  if (!isThere(directory)) {
    const missing = [directory];
    while (!isThere(dirname(missing[0] ?? "/"))) missing.unshift(dirname(missing[0] ?? "/"));
    // Where he can make it himself, root does not: he could put a link in its place for root's chown to follow.
    if (mayWrite(user, dirname(missing[0] ?? "/"))) return;
    for (const path of missing) {
      await Deno.mkdir(path, { mode });
      await Deno.chown(path, user.uid, user.gid);
    }
  } else if (!mayWrite(user, directory)) {
    let empty = true;
    for await (const _ of Deno.readDir(directory)) empty = false;
    if (empty) await Deno.chown(directory, user.uid, user.gid);
  }
  if (isThere(directory) && !mayWrite(user, directory)) {
    throw new PosternError(
      "daemon/user",
      `The daemon gives up root and becomes ${user.name}, who cannot write to ${directory}. Give it to him: ` +
        `chown -R ${user.name} ${directory}`,
    );
  }
}

/** Deno's cache stays where it is when HOME becomes another. */
function cacheDirectory(): Record<string, string> {
  const home = Deno.env.get("HOME");
  const cache = Deno.env.get("DENO_DIR") ??
    (home === undefined ? undefined : `${Deno.env.get("XDG_CACHE_HOME") ?? `${home}/.cache`}/deno`);
  return cache === undefined ? {} : { DENO_DIR: cache };
}

function lowPort(listen: string): boolean {
  if (isPassed(listen)) return false;
  const port = Number(listen.slice(listen.lastIndexOf(":") + 1));
  return port > 0 && port < 1024;
}

function isThere(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}
