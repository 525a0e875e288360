/** Where a redirected connection was going: Linux keeps it beside its socket, which this process holds for its agents. */
import ipaddr from "ipaddr.js";
import { type Libc, libc } from "./libc.ts";

const AF_INET = 2;
const AF_INET6 = 10;
/** linux/netfilter_ipv4.h */
const SOL_IP = 0;
const SO_ORIGINAL_DST = 80;
/** linux/netfilter_ipv6/ip6_tables.h */
const SOL_IPV6 = 41;
const IP6T_SO_ORIGINAL_DST = 80;
/** sockaddr_in and sockaddr_in6 in it, octets. */
const SOCKADDR_OCTETS = 128;
/** The processors that Deno runs on have no other order. */
const LITTLE_ENDIAN = true;

/**
 * Asks for the destination that a connection had before the firewall redirected it.
 *
 * @param local Own end, `HOST:PORT`.
 * @param remote The client's end.
 * @returns `HOST:PORT`; `undefined` where there is no such connection, it was not redirected, or the system cannot say.
 */
export function originalDestination(local: string, remote: string): string | undefined {
  const c = libc();
  if (!c) return undefined;
  for (const { name } of Deno.readDirSync("/proc/self/fd")) {
    const fd = Number(name);
    if (endOf(c.getpeername, fd) !== remote || endOf(c.getsockname, fd) !== local) continue;
    return destinationOf(c, fd);
  }
  return undefined;
}

function destinationOf(c: Libc, fd: number): string | undefined {
  for (
    const [level, option] of [[SOL_IP, SO_ORIGINAL_DST], [SOL_IPV6, IP6T_SO_ORIGINAL_DST]] as const
  ) {
    const address = new Uint8Array(SOCKADDR_OCTETS);
    const length = new Uint32Array([SOCKADDR_OCTETS]);
    if (c.getsockopt(fd, level, option, address, length) === 0) {
      const text = textOf(address);
      if (text !== undefined) return text;
    }
  }
  return undefined;
}

/** What getsockname(2) or getpeername(2) says; `undefined` for what is no TCP connection. */
function endOf(ask: Libc["getsockname"], fd: number): string | undefined {
  const address = new Uint8Array(SOCKADDR_OCTETS);
  if (ask(fd, address, new Uint32Array([SOCKADDR_OCTETS])) !== 0) return undefined;
  return textOf(address);
}

/** sockaddr_in or sockaddr_in6 as `HOST:PORT`; IPv4 in IPv6 is IPv4. */
function textOf(address: Uint8Array): string | undefined {
  const view = new DataView(address.buffer);
  const family = view.getUint16(0, LITTLE_ENDIAN);
  if (family !== AF_INET && family !== AF_INET6) return undefined;
  const octets = family === AF_INET ? address.subarray(4, 8) : address.subarray(8, 24);
  let ip = ipaddr.fromByteArray([...octets]);
  if (ip instanceof ipaddr.IPv6 && ip.isIPv4MappedAddress()) ip = ip.toIPv4Address();
  const text = ip.toString();
  return `${ip.kind() === "ipv6" ? `[${text}]` : text}:${view.getUint16(2)}`;
}
