import { PosternError } from "../../errors.ts";
import { ConnStream, type WireStream } from "../stream.ts";
import { connectTls } from "../tls.ts";
import { CONNECT_MS } from "./limits.ts";
import type { MailServer } from "./servers.ts";

/** How a mailbox server is spoken to. */
export interface ServerTls {
  /** TLS: never, where the server offers it, always, always with a certificate that checks. A handshake that fails is an error. */
  readonly tls: "none" | "may" | "encrypt" | "verify";
  /** PEM of extra authorities. */
  readonly caPem?: string;
}

/** A connection to a mailbox server. */
export interface ServerStreams {
  /** The TCP connection, which a later handshake needs. */
  readonly below: ConnStream;
  /** What is read and written; under TLS already where the server's port begins with it. */
  readonly stream: WireStream;
}

/**
 * Connects; with TLS at once where the server's scheme says so.
 *
 * @throws {PosternError} `mailbox/unavailable` when it cannot be reached, `smtp/tls` when the handshake fails.
 */
export async function connectServer(server: MailServer, tls: ServerTls): Promise<ServerStreams> {
  const { hostname, port } = server;
  const options = { hostname, port, signal: AbortSignal.timeout(CONNECT_MS) };
  let below: ConnStream;
  try {
    const conn = await Deno.connect(options);
    conn.setNoDelay(true);
    below = new ConnStream(conn);
  } catch (cause) {
    throw new PosternError("mailbox/unavailable", `Cannot connect to ${server.text}`, { cause });
  }
  if (!server.implicitTls) return { below, stream: below };
  below.deadline(CONNECT_MS);
  return { below, stream: await secureServer(below, server, tls) };
}

/**
 * Takes the handshake on a connection that began in clear. Whatever was read in clear is to be forgotten by the caller.
 *
 * @throws {PosternError} `smtp/tls` when it fails; the connection is closed then.
 */
export function secureServer(
  below: ConnStream,
  { hostname }: MailServer,
  { tls, caPem }: ServerTls,
): Promise<WireStream> {
  return connectTls(below, {
    verify: tls === "verify",
    hostname,
    ...(caPem === undefined ? {} : { caPem }),
  });
}
