/** Finds the running daemon of this node and connects to its control socket. */
import { existsSync, mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { ControlClient } from "../daemon/control/client.ts";
import { controlPath } from "../daemon/state.ts";
import { PosternError } from "../errors.ts";
import { findConfig } from "./find_config.ts";

/** Options that say which daemon. */
export interface DaemonOptions {
  readonly config?: string | undefined;
  readonly socket?: string | undefined;
}

/**
 * Where this user keeps which document names which socket: evaluating a document takes a process of its own and most of the
 * time of a short command. An entry holds for one state (size, time) of the document.
 */
function cachePath(): string | undefined {
  const base = Deno.env.get("XDG_CACHE_HOME") ||
    (Deno.env.get("HOME") ? join(Deno.env.get("HOME") ?? "", ".cache") : undefined);
  return base === undefined ? undefined : join(base, "postern", "sockets.json");
}

function cached(path: string): Record<string, string> {
  try {
    const value: unknown = JSON.parse(readFileSync(path, "utf8"));
    if (typeof value !== "object" || value === null) return {};
    const texts = Object.entries(value).filter(([, socket]) => typeof socket === "string");
    return Object.fromEntries(texts) as Record<string, string>;
  } catch {
    return {};
  }
}

/** Which of the daemon's sockets: for all operations, or for scanning and deciding alone. */
export type SocketKind = "control" | "tools";

/** Where tools look first that were told nothing: what the configuration's `tools` gives by default. */
const TOOLS_SOCKET = "/run/postern/tools.sock";

async function socketOfConfig(config: string, kind: SocketKind): Promise<string> {
  const { size, mtimeMs, ino } = statSync(config);
  const key = `${config}:${ino}:${size}:${mtimeMs}:${kind}`;
  const path = cachePath();
  const known = path === undefined ? {} : cached(path);
  if (known[key] !== undefined) return known[key];
  const { readConfig } = await import("../daemon/documents.ts");
  const { state, tools } = await readConfig(config);
  const socket = kind === "tools" && tools
    ? tools.socket.slice("unix:".length)
    : controlPath(state);
  if (path !== undefined) {
    try {
      // What other states of the document said is of no use any more.
      const others = Object.entries(known).filter(([other]) =>
        !other.startsWith(`${config}:`) || other.startsWith(`${config}:${ino}:${size}:${mtimeMs}:`)
      );
      mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
      const aside = `${path}.${Deno.pid}`;
      writeFileSync(aside, JSON.stringify(Object.fromEntries([...others, [key, socket]])), {
        mode: 0o600,
      });
      renameSync(aside, path);
    } catch {
      // No home to write to: the next command evaluates the document again.
    }
  }
  return socket;
}

/** Where the socket of the node is: as named, else by the configuration. */
export async function socketPath(
  options: DaemonOptions,
  kind: SocketKind = "control",
): Promise<string> {
  const named = options.socket ?? (Deno.env.get("POSTERN_SOCKET") || undefined);
  if (named !== undefined) return resolve(named);
  if (kind === "tools" && options.config === undefined && existsSync(TOOLS_SOCKET)) {
    return TOOLS_SOCKET;
  }
  const config = findConfig(options.config);
  if (config !== undefined) return await socketOfConfig(config, kind);
  throw new PosternError(
    "daemon/not-running",
    "Cannot tell which daemon is meant: there is no configuration document here",
  );
}

/**
 * Connects to the daemon.
 *
 * @throws {PosternError} `daemon/not-running` when nothing answers.
 */
export async function connectDaemon(
  options: DaemonOptions,
  kind: SocketKind = "control",
): Promise<ControlClient> {
  return await ControlClient.connect(await socketPath(options, kind));
}

/** Connects, asks one thing, and ends the connection. */
export async function askDaemon(
  options: DaemonOptions,
  op: string,
  args?: unknown,
  octets?: Uint8Array,
): Promise<{ result: unknown; octets?: Uint8Array }> {
  const client = await connectDaemon(options);
  try {
    return await client.call(op, args, octets);
  } finally {
    client.close();
  }
}
