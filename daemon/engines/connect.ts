/** Connections to engines: TCP or a socket in the file system, closed at the deadline or when nobody waits any more. */
import { PosternError } from "../../errors.ts";
import { ConnStream } from "../../agents/stream.ts";

/** There is no connection at all: for anybody, whatever the message. */
export class ConnectError extends PosternError {}

/** Runs a conversation over one connection, and closes it whatever comes of it. */
export type Connect = <T>(
  signal: AbortSignal,
  converse: (stream: ConnStream) => Promise<T>,
) => Promise<T>;

/** Where an engine listens, `unix:/PATH` or `HOST:PORT`. */
export function connector(address: string): Connect {
  const target = parseAddress(address);
  return async (signal, converse) => {
    signal.throwIfAborted();
    const stream = new ConnStream(await open(target, signal));
    const close = () => stream.close();
    signal.addEventListener("abort", close, { once: true });
    try {
      return await converse(stream);
    } catch (error) {
      signal.throwIfAborted(); // what broke the connection
      throw error;
    } finally {
      signal.removeEventListener("abort", close);
      stream.close();
    }
  };
}

type Target = { readonly path: string } | { readonly hostname: string; readonly port: number };

function parseAddress(address: string): Target {
  if (address.startsWith("unix:")) return { path: address.slice("unix:".length) };
  const colon = address.lastIndexOf(":");
  const hostname = address.slice(0, colon).replace(/^\[|\]$/g, "");
  return { hostname, port: Number(address.slice(colon + 1)) };
}

async function open(target: Target, signal: AbortSignal): Promise<Deno.Conn> {
  const connecting: Promise<Deno.Conn> = "path" in target
    ? Deno.connect({ transport: "unix", path: target.path })
    : Deno.connect(target).then((conn) => {
      conn.setNoDelay();
      return conn;
    });
  const over = Promise.withResolvers<never>();
  const stop = () => over.reject(signal.reason);
  signal.addEventListener("abort", stop, { once: true });
  try {
    return await Promise.race([connecting, over.promise]);
  } catch (cause) {
    signal.throwIfAborted();
    const words = cause instanceof Error ? cause.message : String(cause);
    throw new ConnectError("wire/closed", `Cannot connect: ${words}`, { cause });
  } finally {
    signal.removeEventListener("abort", stop);
    // One that comes up after all is not wanted any more.
    if (signal.aborted) connecting.then((conn) => conn.close(), () => {});
  }
}
