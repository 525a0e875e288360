/**
 * Transparent listeners: the firewall redirects connections here that were on their way to a server, and each goes on to where it
 * was going. Nobody gets anywhere else: who connects to the listener itself is refused, and so is who was on his way to a server
 * that the configuration does not name.
 */
import { PosternError } from "../errors.ts";
import { inNetworks } from "./networks.ts";
import type { AgentPorts } from "./ports.ts";
import { type ConnStream, plainAddress } from "./stream.ts";

/** What the configuration says of a transparent listener. */
export interface TransparentRules {
  /** Servers that clients may have been on their way to: addresses and networks. */
  readonly to: readonly string[];
  /** Their port. */
  readonly port: number;
}

/** Where a client was going. */
export interface Destination {
  readonly address: string;
  readonly port: number;
  /** `192.0.2.1:25`, `[2001:db8::1]:25`. */
  readonly text: string;
}

/**
 * Where a redirected client was going, by the system's table of translated addresses.
 *
 * @throws {PosternError} `wire/transparent` for who was not redirected, or was going where nobody is led; it says which.
 */
export async function destinationOf(
  ports: AgentPorts,
  stream: ConnStream,
  rules: TransparentRules,
): Promise<Destination> {
  const { localAddr, remoteAddr } = stream.conn;
  if (localAddr.transport !== "tcp" || remoteAddr.transport !== "tcp") {
    throw new PosternError("wire/transparent", "Only TCP connections can be redirected");
  }
  const local = endText(localAddr);
  const text = await ports.originalDestination?.(local, endText(remoteAddr)) ?? local;
  const from = `The client ${stream.remoteAddress}`;
  if (text === local) {
    throw new PosternError("wire/transparent", `${from} was not redirected: it connected to us`);
  }
  const colon = text.lastIndexOf(":");
  const address = plainAddress(text.slice(0, colon).replace(/^\[|\]$/g, ""));
  const port = Number(text.slice(colon + 1));
  if (port !== rules.port || !inNetworks(address, rules.to)) {
    throw new PosternError(
      "wire/transparent",
      `${from} was on its way to ${text}, which transparent.to and transparent.port do not name`,
    );
  }
  const host = address.includes(":") ? `[${address}]` : address;
  return { address, port, text: `${host}:${port}` };
}

function endText({ hostname, port }: Deno.NetAddr): string {
  const address = plainAddress(hostname);
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}

/**
 * An object that is another one but for some fields: what is written to the others is written to that one.
 *
 * @param base Shared by many.
 * @param own Fields that are this one's alone.
 */
export function sharing<T extends object>(base: T, own: Partial<T>): T {
  const derived = { ...own } as T;
  for (const key of Object.keys(base) as (keyof T)[]) {
    if (key in own) continue;
    Object.defineProperty(derived, key, {
      enumerable: true,
      get: () => base[key],
      set: (value: T[keyof T]) => void (base[key] = value),
    });
  }
  return derived;
}
