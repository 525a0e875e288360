/**
 * Giving up root. Only a new process can be another user in all its threads, so root starts one, hands it the configuration,
 * passes signals on and waits. The waiting process opens no mail, no socket and no document.
 */
import { dirname } from "node:path";
import { PosternError } from "../errors.ts";
import type { Config } from "../policy/config.ts";
import { confined, mayRead, mayWrite, systemTool, type User } from "./confine.ts";
import { processCommand } from "./entries.ts";
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
 * Runs the daemon as the configuration's user and waits for it.
 *
 * @returns its exit status; 128 and the signal's number where a signal ended it.
 * @throws {PosternError} `"daemon/user"` where that user cannot do the work, with what to do.
 */
export async function runAsUser(path: string, config: Config): Promise<number> {
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
  const plain = processCommand("daemon", ["--allow-all"], [path]);
  // All, since the runtime reads /proc for nobody else, and what may start processes may do everything anyway.
  const { command: [program, ...args] } = confined(plain, {
    user,
    groups: true,
    lowPorts: config.agents.some(({ listen }) => lowPort(listen)),
    parentDeathSignal: "TERM",
  });
  const child = new Deno.Command(program, {
    args,
    env: { ...cacheDirectory(), HOME: config.state },
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
    await stdin.write(new TextEncoder().encode(JSON.stringify(config))).catch(() => {});
    await stdin.close().catch(() => {});
    const status = await child.status;
    return status.signal ? 128 + (SIGNAL_NUMBERS[status.signal] ?? 0) : status.code;
  } finally {
    for (const unpass of pass) unpass();
  }
}

/**
 * The child: takes the configuration from stdin and runs the gateway.
 *
 * @param args The configuration's path.
 */
export async function runDaemonProcess(args: readonly string[]): Promise<number> {
  const [path] = args;
  if (path === undefined) return 64;
  try {
    const text = await new Response(Deno.stdin.readable).text();
    const { serve } = await import("./daemon.ts");
    // From the process that has just checked it.
    return await serve(path, text === "" ? undefined : JSON.parse(text) as Config);
  } catch (error) {
    console.error(`postern: ${error instanceof Error ? error.message : String(error)}`);
    return error instanceof PosternError && error.code.startsWith("document/") ? 78 : 69;
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
  const documents = [path, config.policy];
  const pem = config.agents.flatMap((
    { tls, nextHopCa },
  ) => [tls?.certificate, tls?.key, nextHopCa]);
  for (const file of [...documents, ...pem]) {
    if (file === undefined || !isThere(file) || mayRead(user, file)) continue;
    throw new PosternError(
      "daemon/user",
      `The daemon gives up root and becomes ${user.name}, who cannot read ${file}. Give the file to that user or to one of his ` +
        `groups, and see that he may enter the directories above it`,
    );
  }
}

/** Makes the state directory and those of Maildirs, for the user alone. What is there and another's is not touched. */
async function prepareState(user: User, config: Config): Promise<void> {
  const maildirs = config.agents.map(({ nextHop }) => /^maildir:(.+)$/.exec(nextHop)?.[1])
    .filter((path) => path !== undefined);
  for (const directory of [config.state, ...maildirs]) {
    if (!isThere(directory)) {
      if (!isThere(dirname(directory)) || !mayWrite(user, dirname(directory))) {
        await Deno.mkdir(directory, { recursive: true, mode: 0o700 });
        await Deno.chown(directory, user.uid, user.gid);
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
}

/** Deno's cache stays where it is when HOME becomes another. */
function cacheDirectory(): Record<string, string> {
  const home = Deno.env.get("HOME");
  const cache = Deno.env.get("DENO_DIR") ??
    (home === undefined ? undefined : `${Deno.env.get("XDG_CACHE_HOME") ?? `${home}/.cache`}/deno`);
  return cache === undefined ? {} : { DENO_DIR: cache };
}

function lowPort(listen: string): boolean {
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
