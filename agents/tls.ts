/**
 * The one TLS shim. `Deno.startTls` is a client only, so a server's STARTTLS is made of node:tls over the Deno connection;
 * a client that may not insist on a certificate is, too, since `Deno.startTls` always insists.
 */
import { Duplex } from "node:stream";
import type { Socket } from "node:net";
import tls from "node:tls";
import { createPrivateKey, X509Certificate } from "node:crypto";
import { PosternError } from "../errors.ts";
import { NodeSocket } from "./node_socket.ts";
import { ConnStream, type WireStream } from "./stream.ts";

const READ_OCTETS = 16 * 1024;
/** How long the goodbye of TLS may take, ms. */
const GOODBYE_MS = 1000;
/** First octet of a TLS record: alert and handshake are the only kinds that may begin a connection (RFC 8446, section 5.1). */
const FIRST_RECORDS: ReadonlySet<number> = new Set([21, 22]);

/** A server's certificate, made once a listener. */
export type ServerIdentity = tls.SecureContext;

/** Texts of PEM files. */
export interface ServerPem {
  /** The chain, leaf first. */
  readonly certificate: string;
  /** Its private key. */
  readonly key: string;
}

/**
 * Makes what a listener shows to its clients: TLS 1.2 and 1.3.
 *
 * @throws {PosternError} `smtp/tls` when the two do not fit, or this runtime cannot serve TLS on a connection that began in clear.
 */
export function serverIdentity(pem: ServerPem): ServerIdentity {
  if (!upgradesOverStreams()) {
    throw new PosternError(
      "smtp/tls",
      `Deno ${Deno.version.deno} cannot take STARTTLS as a server; use a newer one or drop tls`,
    );
  }
  try {
    // The runtime would only find out in each handshake.
    if (!new X509Certificate(pem.certificate).checkPrivateKey(createPrivateKey(pem.key))) {
      throw new Error("the key is not that of the certificate");
    }
    return tls.createSecureContext({ cert: pem.certificate, key: pem.key, minVersion: "TLSv1.2" });
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new PosternError("smtp/tls", `Cannot use the certificate and key: ${why}`, { cause });
  }
}

/**
 * Takes up a listener's new certificate: sessions that take TLS from now on see it, those that have taken it go on.
 *
 * @param before PEM that the identity was made of.
 * @returns false where it takes another listener, or a refusal: TLS is new or given up, or the certificate cannot be used.
 */
export function renewIdentity(
  holder: { identity?: ServerIdentity },
  before: ServerPem | undefined,
  next: ServerPem | undefined,
): boolean {
  if (!before || !next) return before === next;
  if (before.certificate === next.certificate && before.key === next.key) return true;
  try {
    holder.identity = serverIdentity(next);
    return true;
  } catch {
    return false; // whoever starts another listener then learns why
  }
}

/**
 * Whether this runtime's TLSSocket can run over a stream. Where it cannot (Deno 2.4), the same call leaves a socket that speaks
 * in clear or fails in a later tick, so this is asked before any use.
 */
export function upgradesOverStreams(): boolean {
  const stream = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() });
  const socket = new tls.TLSSocket(stream as unknown as Socket, { isServer: true });
  const handle = Reflect.get(socket, "_handle") as { start?: unknown } | null;
  socket.on("error", () => {}); // nothing was started, nothing can be lost
  const can = typeof handle?.start === "function";
  if (can) socket.destroy();
  return can;
}

/**
 * Takes the server's side of a handshake. Octets that the caller has read before are to be dropped by it: the handshake begins
 * with what comes next on the wire.
 *
 * @throws {PosternError} `smtp/tls` when the handshake fails; the connection is closed then.
 * @see RFC 3207, section 4.
 */
export function acceptTls(stream: ConnStream, identity: ServerIdentity): Promise<WireStream> {
  const socket = new tls.TLSSocket(duplexOf(stream) as unknown as Socket, {
    isServer: true,
    secureContext: identity,
  });
  return handshake(stream, socket, "secure");
}

/** How much a client asks of the server's certificate. */
export interface ClientTls {
  /** True: it must lead to a known authority and bear the name. False: any will do; the line is encrypted, the peer not known. */
  readonly verify: boolean;
  /** Name or address that the certificate must bear. */
  readonly hostname: string;
  /** PEM of extra authorities. */
  readonly caPem?: string;
}

/**
 * Takes the client's side of a handshake.
 *
 * @throws {PosternError} `smtp/tls` when it fails; the connection is closed then. There is no falling back to clear.
 */
export async function connectTls(stream: ConnStream, options: ClientTls): Promise<WireStream> {
  if (!options.verify && upgradesOverStreams()) {
    const socket = tls.connect({
      socket: duplexOf(stream) as unknown as Socket,
      rejectUnauthorized: false,
      minVersion: "TLSv1.2",
    });
    return await handshake(stream, socket, "secureConnect");
  }
  try {
    const secure = await Deno.startTls(stream.conn as Deno.TcpConn, {
      hostname: options.hostname,
      ...(options.caPem === undefined ? {} : { caCerts: [options.caPem] }),
    });
    const wrapped = new ConnStream(secure);
    stream.deadline(0); // the wrapped stream has its own
    wrapped.deadline(GOODBYE_MS * 30);
    await secure.handshake();
    return wrapped;
  } catch (cause) {
    stream.close();
    throw new PosternError("smtp/tls", "The TLS handshake with the next hop failed", { cause });
  }
}

async function handshake(
  stream: ConnStream,
  socket: tls.TLSSocket,
  event: "secure" | "secureConnect",
): Promise<WireStream> {
  const secured = new TlsStream(stream, socket);
  try {
    await secured.opened(event);
    return secured;
  } catch (cause) {
    secured.close();
    throw new PosternError("smtp/tls", "The TLS handshake failed", { cause });
  }
}

/** What node:tls reads and writes: the connection below, which must carry nothing but TLS records from now on. */
function duplexOf(stream: ConnStream): Duplex {
  let first = true;
  return new Duplex({
    read() {
      const buffer = new Uint8Array(READ_OCTETS);
      stream.read(buffer).then(
        (count) => this.push(count === null ? null : buffer.subarray(0, count)),
        (error) => this.destroy(error),
      );
    },
    write(chunk: Uint8Array, _encoding, done) {
      if (first && chunk.length > 0) {
        first = false;
        if (!FIRST_RECORDS.has(chunk[0]!)) {
          done(new PosternError("smtp/tls", "Refused to write octets that are not TLS"));
          return;
        }
      }
      stream.write(chunk).then(() => done(), done);
    },
    destroy(error, done) {
      stream.close();
      done(error);
    },
  });
}

/** The decrypted side of a TLSSocket. */
class TlsStream implements WireStream {
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly #below: ConnStream;
  readonly #node: NodeSocket;

  constructor(below: ConnStream, socket: tls.TLSSocket) {
    this.remoteAddress = below.remoteAddress;
    this.remotePort = below.remotePort;
    this.#below = below;
    this.#node = new NodeSocket(socket, tlsClosed, true);
  }

  /** Resolves once the handshake is done; octets are read and written only then. */
  opened(event: "secure" | "secureConnect"): Promise<void> {
    return this.#node.opened(event);
  }

  read(buffer: Uint8Array): Promise<number | null> {
    return this.#node.read(buffer);
  }

  write(octets: Uint8Array): Promise<void> {
    return this.#node.write(octets);
  }

  deadline(ms: number): void {
    this.#below.deadline(ms);
  }

  async end(): Promise<void> {
    this.#below.deadline(GOODBYE_MS);
    const { socket, isOver } = this.#node;
    if (!isOver) {
      await new Promise<void>((resolve) => {
        socket.once("close", () => resolve());
        socket.end(() => resolve());
      });
    }
    this.close();
  }

  close(): void {
    this.#node.destroy();
    this.#below.close();
  }
}

function tlsClosed(cause: unknown): Error {
  if (cause instanceof PosternError) return cause;
  return new PosternError("wire/closed", "The TLS connection is closed", { cause });
}
