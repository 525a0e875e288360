/** Finds the running daemon of this node and connects to its control socket. */
import { mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
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

async function socketOfConfig(config: string): Promise<string> {
  const { size, mtimeMs, ino } = statSync(config);
  const key = `${config}:${ino}:${size}:${mtimeMs}`;
  const path = cachePath();
  const known = path === undefined ? {} : cached(path);
  if (known[key] !== undefined) return known[key];
  const { readConfig } = await import("../daemon/documents.ts");
  const socket = controlPath((await readConfig(config)).state);
  if (path !== undefined) {
    try {
      const others = Object.entries(known).filter(([other]) => !other.startsWith(`${config}:`));
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
export async function socketPath(options: DaemonOptions): Promise<string> {
  const named = options.socket ?? (Deno.env.get("POSTERN_SOCKET") || undefined);
  if (named !== undefined) return resolve(named);
  const config = findConfig(options.config);
  if (config !== undefined) return await socketOfConfig(config);
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
export async function connectDaemon(options: DaemonOptions): Promise<ControlClient> {
  return await ControlClient.connect(await socketPath(options));
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
