/**
 * The kernel's side of listening: several sockets of this process may have one address (SO_REUSEPORT), new connections can all be
 * led to one of them, and a socket whose thread is stuck can be shut from outside. Linux; elsewhere, and without the C library,
 * nothing of it is done and each function says so.
 */
import ipaddr from "ipaddr.js";
import { addressOf, type Libc, libc } from "./libc.ts";

const AF_UNIX = 1;
const AF_INET = 2;
const AF_INET6 = 10;
const SOL_SOCKET = 1;
const SO_ACCEPTCONN = 30;
const SO_ATTACH_REUSEPORT_CBPF = 51;
const SHUT_RDWR = 2;
/** Classic BPF: return a constant. */
const BPF_RET_K = 0x06;
/** sockaddr_in and sockaddr_in6 in it, octets. */
const SOCKADDR_OCTETS = 128;

/** A socket of this process. */
interface Socket {
  readonly fd: number;
  readonly listens: boolean;
}

/**
 * Leads new connections to one of the sockets that share an address, for those that begin to connect from now on.
 *
 * @param address `HOST:PORT`, as the listener says it.
 * @param index Which one, counted in the kernel's order: by the time of listen(2); one that goes leaves its place to the last.
 * @returns false where that cannot be done: the kernel spreads connections over all of them.
 * @see socket(7), SO_ATTACH_REUSEPORT_CBPF
 */
export function leadTo(address: string, index: number): boolean {
  const c = libc();
  const socket = c && sockets(c, address).find(({ listens }) => listens);
  if (!c || !socket) return false;
  const instruction = new Uint8Array(8);
  const words = new DataView(instruction.buffer);
  words.setUint16(0, BPF_RET_K, LITTLE_ENDIAN);
  words.setUint32(4, index, LITTLE_ENDIAN);
  const program = new Uint8Array(16);
  const fields = new DataView(program.buffer);
  fields.setUint16(0, 1, LITTLE_ENDIAN); // one instruction
  fields.setBigUint64(8, addressOf(instruction), LITTLE_ENDIAN);
  const done = c.setsockopt(socket.fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, program, 16) === 0;
  return done && instruction.length === 8; // kept alive until here
}

/** File descriptors that listen on an address. */
export function listeningOn(address: string): readonly number[] {
  const c = libc();
  return c ? sockets(c, address).filter(({ listens }) => listens).map(({ fd }) => fd) : [];
}

/**
 * Shuts a listening socket, whichever thread holds it.
 *
 * @param fd What listened; left alone where it listens on that address no more.
 * @param connections Shut every connection that was accepted on the address, too: clients see an end of it, and not silence.
 * @returns false where that cannot be done.
 */
export function shutDown(address: string, fd: number, connections: boolean): boolean {
  const c = libc();
  if (!c) return false;
  for (const socket of sockets(c, address)) {
    if (socket.listens ? socket.fd === fd : connections) c.shutdown(socket.fd, SHUT_RDWR);
  }
  return true;
}

/**
 * Where a socket of this process listens: `127.0.0.1:25`, `[::1]:25`, `unix:/PATH`.
 *
 * @returns `undefined` for what is no stream socket that listens.
 */
export function listeningSocket(fd: number): string | undefined {
  const c = libc();
  if (!c || !listens(c, fd)) return undefined;
  const own = new Uint8Array(SOCKADDR_OCTETS);
  const length = new Uint32Array([SOCKADDR_OCTETS]);
  if (c.getsockname(fd, own, length) !== 0) return undefined;
  if (new DataView(own.buffer).getUint16(0, LITTLE_ENDIAN) === AF_UNIX) {
    const path = own.subarray(2, length[0]);
    const end = path.indexOf(0, 1); // an abstract name begins with NUL
    return `unix:${
      new TextDecoder().decode(end < 0 ? path : path.subarray(0, end)).replace(/^\0/, "@")
    }`;
  }
  const { port, octets } = ownAddress(c, fd) ?? {};
  if (port === undefined || octets === undefined) return undefined;
  const host = ipaddr.fromByteArray([...octets]);
  return host.kind() === "ipv6" ? `[${host.toString()}]:${port}` : `${host.toString()}:${port}`;
}

/** The processors that Deno runs on have no other order. */
const LITTLE_ENDIAN = true;

/** Sockets of this process whose own address it is; those accepted by one that listens on every address are among them. */
function sockets(c: Libc, address: string): Socket[] {
  const colon = address.lastIndexOf(":");
  const port = Number(address.slice(colon + 1));
  const host = address.slice(0, colon).replace(/^\[|\]$/g, "");
  if (!ipaddr.isValid(host)) return [];
  const wanted = ipaddr.parse(host).toByteArray();
  const every = wanted.every((octet) => octet === 0);
  const found: Socket[] = [];
  for (const { name } of Deno.readDirSync("/proc/self/fd")) {
    const fd = Number(name);
    const own = ownAddress(c, fd);
    if (own?.port !== port) continue;
    const listening = listens(c, fd);
    const same = own.octets.length === wanted.length &&
      own.octets.every((octet, i) => octet === wanted[i]);
    if (same || (every && !listening)) found.push({ fd, listens: listening });
  }
  return found;
}

/** getsockname(2); `undefined` for what is no TCP socket. */
function ownAddress(c: Libc, fd: number): { port: number; octets: Uint8Array } | undefined {
  const own = new Uint8Array(SOCKADDR_OCTETS);
  const length = new Uint32Array([SOCKADDR_OCTETS]);
  if (c.getsockname(fd, own, length) !== 0) return undefined;
  const view = new DataView(own.buffer);
  const family = view.getUint16(0, LITTLE_ENDIAN);
  if (family !== AF_INET && family !== AF_INET6) return undefined;
  const octets = family === AF_INET ? own.subarray(4, 8) : own.subarray(8, 24);
  return { port: view.getUint16(2), octets };
}

function listens(c: Libc, fd: number): boolean {
  const value = new Uint32Array(1);
  return c.getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, value, new Uint32Array([4])) === 0 &&
    value[0] === 1;
}
