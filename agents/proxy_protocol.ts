/**
 * The PROXY protocol, versions 1 and 2: what a proxy in front (HAProxy and others) says of the connection before its first octet.
 * It is never guessed: a listener that is told of its proxies wants the header, all others know nothing of it.
 * @see https://www.haproxy.org/download/2.9/doc/proxy-protocol.txt
 */
import ipaddr from "ipaddr.js";
import { PosternError } from "../errors.ts";

/** One end of a connection. */
export interface ProxiedEnd {
  /** IPv4 dotted or IPv6 compressed. */
  readonly address: string;
  readonly port: number;
}

/** What the header says; nothing where the proxy speaks for itself (health checks) or does not know. */
export interface ProxiedConnection {
  /** Who connected. */
  readonly source?: ProxiedEnd;
  /** Where he connected to. */
  readonly destination?: ProxiedEnd;
}

/** Octets of a header of version 1, CRLF included. */
const MAX_V1_OCTETS = 107;
/** The shortest header of version 1: `PROXY UNKNOWN` and CRLF. */
const MIN_V1_OCTETS = 15;
const SIGNATURE = [0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a];
/** Signature, version and command, family, length. */
const V2_OCTETS = 16;
const CR = 13;
const LF = 10;

/** What a header is read from. */
export interface ProxySource {
  /** Reads some octets; `null` at the end. */
  read(into: Uint8Array): Promise<number | null>;
}

/**
 * Reads a header and not one octet more.
 *
 * @throws {PosternError} `wire/bad-frame` for what is no header, `wire/closed` where the stream ends in it.
 */
export async function readProxyHeader(stream: ProxySource): Promise<ProxiedConnection> {
  const buffer = new Uint8Array(MAX_V1_OCTETS);
  let length = 0;
  const readTo = async (wanted: number) => {
    while (length < wanted) {
      const count = await stream.read(buffer.subarray(length, wanted));
      if (count === null) {
        throw new PosternError("wire/closed", "The connection ended in the PROXY header");
      }
      length += count;
    }
  };
  await readTo(MIN_V1_OCTETS);
  if (SIGNATURE.every((octet, i) => buffer[i] === octet)) {
    await readTo(V2_OCTETS);
    return await readV2(stream, buffer.subarray(0, V2_OCTETS));
  }
  // Octet by octet, since what follows the line is the client's.
  while (!(buffer[length - 2] === CR && buffer[length - 1] === LF)) {
    if (length >= MAX_V1_OCTETS) bad("The first line is longer than a PROXY header");
    await readTo(length + 1);
  }
  return parseV1(new TextDecoder("latin1").decode(buffer.subarray(0, length)));
}

/**
 * Reads the line of version 1.
 *
 * @param line With its CRLF.
 * @throws {PosternError} `wire/bad-frame`
 */
export function parseV1(line: string): ProxiedConnection {
  if (line.length > MAX_V1_OCTETS || !line.endsWith("\r\n")) bad("The line has no end");
  const words = line.slice(0, -2).split(" ");
  if (words[0] !== "PROXY") bad("The connection does not begin with a PROXY header");
  const [, family, source = "", destination = "", sourcePort = "", destinationPort = ""] = words;
  if (family === "UNKNOWN") return {};
  if ((family !== "TCP4" && family !== "TCP6") || words.length !== 6) {
    bad("The PROXY header is not PROXY TCP4|TCP6 SOURCE DESTINATION PORT PORT");
  }
  const kind = family === "TCP4" ? "ipv4" : "ipv6";
  return {
    source: { address: addressOf(source, kind), port: portOf(sourcePort) },
    destination: { address: addressOf(destination, kind), port: portOf(destinationPort) },
  };
}

function addressOf(text: string, kind: "ipv4" | "ipv6"): string {
  const valid = kind === "ipv4"
    ? ipaddr.IPv4.isValidFourPartDecimal(text) && !/(?:^|\.)0\d/.test(text)
    : ipaddr.IPv6.isValid(text) && !text.includes("%");
  if (!valid) bad("An address of the PROXY header is none");
  return plain(ipaddr.parse(text));
}

function portOf(text: string): number {
  if (!/^(?:0|[1-9]\d{0,4})$/.test(text) || Number(text) > 65_535) {
    bad("A port of the PROXY header is none");
  }
  return Number(text);
}

async function readV2(stream: ProxySource, head: Uint8Array): Promise<ProxiedConnection> {
  const [versionAndCommand = 0, family = 0] = [head[12], head[13]];
  const length = head[14]! << 8 | head[15]!;
  if (versionAndCommand >> 4 !== 2) bad("The PROXY header's version is not known");
  const body = new Uint8Array(length);
  for (let at = 0; at < length;) {
    const count = await stream.read(body.subarray(at));
    if (count === null) {
      throw new PosternError("wire/closed", "The connection ended in the PROXY header");
    }
    at += count;
  }
  return parseV2(versionAndCommand & 15, family, body);
}

/**
 * Reads what follows the fixed part of version 2.
 *
 * @param command 0: LOCAL, 1: PROXY.
 * @param family Address family and protocol: 0x11 TCP over IPv4, 0x21 TCP over IPv6.
 * @param body All of it, extensions (TLVs) too, which are passed over.
 * @throws {PosternError} `wire/bad-frame`
 */
export function parseV2(command: number, family: number, body: Uint8Array): ProxiedConnection {
  if (command === 0) return {};
  if (command !== 1) bad("The PROXY header's command is not known");
  if (family === 0x00 || family === 0x31) return {};
  const octets = family === 0x11 ? 4 : family === 0x21 ? 16 : bad("The PROXY header is not of TCP");
  if (body.length < 2 * octets + 4) bad("The PROXY header is shorter than its addresses");
  const view = new DataView(body.buffer, body.byteOffset, body.length);
  const end = (at: number, port: number) => ({
    address: plain(ipaddr.fromByteArray([...body.subarray(at, at + octets)])),
    port: view.getUint16(port),
  });
  return { source: end(0, 2 * octets), destination: end(octets, 2 * octets + 2) };
}

/** IPv4 in IPv6 is the IPv4 client that it is. */
function plain(address: ipaddr.IPv4 | ipaddr.IPv6): string {
  if (address instanceof ipaddr.IPv6 && address.isIPv4MappedAddress()) {
    return address.toIPv4Address().toString();
  }
  return address.toString();
}

function bad(message: string): never {
  throw new PosternError("wire/bad-frame", message);
}
