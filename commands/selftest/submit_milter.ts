/** Hands one message to a milter agent, as a mail server would: protocol version 6, with the steps and replies that are agreed on. */
import type { Reply, Submission } from "./submit.ts";

/** Where to, and what; `address` is `HOST:PORT` or `unix:/PATH`. */
export type MilterSubmission = Omit<Submission, "hostname" | "port"> & { readonly address: string };

/** All actions of version 6, and that steps may be left out or go without a reply. */
const OFFER = [6, 0x1ff, 0x1fffff] as const;
/** By step: the bits for leaving it out, and for no reply to it (mfdef.h: SMFIP_NO*, SMFIP_NR_*). */
const BITS: Readonly<Record<string, readonly [skipped: number, silent: number]>> = {
  C: [0x1, 0x1000],
  H: [0x2, 0x2000],
  M: [0x4, 0x4000],
  R: [0x8, 0x8000],
  L: [0x20, 0x80],
  N: [0x40, 0x40000],
  B: [0x10, 0x80000],
  E: [0, 0],
};
/** Largest body chunk, octets. */
const CHUNK_OCTETS = 65_535;
const MAX_PACKET_OCTETS = 1 << 20;

/** One packet: length, command, data. */
function packet(command: string, data: Uint8Array | string = ""): Uint8Array {
  const octets = typeof data === "string" ? new TextEncoder().encode(data) : data;
  const whole = new Uint8Array(5 + octets.length);
  new DataView(whole.buffer).setUint32(0, octets.length + 1);
  whole[4] = command.charCodeAt(0);
  whole.set(octets, 5);
  return whole;
}

class Session {
  readonly #conn: Deno.Conn;

  constructor(conn: Deno.Conn) {
    this.#conn = conn;
  }

  async write(octets: Uint8Array): Promise<void> {
    for (let at = 0; at < octets.length;) at += await this.#conn.write(octets.subarray(at));
  }

  /** Sends, and reads up to what is no change to the message and no sign of progress. */
  async step(octets: Uint8Array): Promise<{ command: string; text: string }> {
    await this.write(octets);
    for (;;) {
      const head = await this.#read(4);
      const length = new DataView(head.buffer).getUint32(0);
      if (length === 0 || length > MAX_PACKET_OCTETS) throw new Error("The agent sent no packet");
      const text = new TextDecoder("latin1").decode(await this.#read(length));
      if (!"+-2behimpq".includes(text[0] ?? "")) return { command: text[0] ?? "", text };
    }
  }

  async #read(octets: number): Promise<Uint8Array> {
    const whole = new Uint8Array(octets);
    for (let at = 0; at < octets;) {
      const count = await this.#conn.read(whole.subarray(at));
      if (count === null) throw new Error("The agent closed the connection");
      at += count;
    }
    return whole;
  }
}

/** The packets of header and body. */
function content(message: Uint8Array): Uint8Array[] {
  const text = new TextDecoder("latin1").decode(message);
  const empty = text.indexOf("\r\n\r\n");
  const header = empty < 0 ? text : text.slice(0, empty);
  const packets = header.replaceAll(/\r\n(?=[ \t])/g, "\n").split("\r\n").map((field) => {
    const colon = field.indexOf(":");
    return packet("L", `${field.slice(0, colon)}\0${field.slice(colon + 1).trimStart()}\0`);
  });
  packets.push(packet("N"));
  const body = message.subarray(empty < 0 ? message.length : empty + 4);
  for (let at = 0; at < body.length; at += CHUNK_OCTETS) {
    packets.push(packet("B", body.subarray(at, at + CHUNK_OCTETS)));
  }
  return packets;
}

/**
 * Hands the message over.
 *
 * @returns what an SMTP client would be told: the first answer that is not to go on, or the last.
 * @throws {Error} where there is no connection or no answer.
 */
export async function submitMilter(submission: MilterSubmission): Promise<Reply> {
  const { address, timeoutMs, helo, sender, recipients, message } = submission;
  const colon = address.lastIndexOf(":");
  const conn = address.startsWith("unix:")
    ? await Deno.connect({ transport: "unix", path: address.slice("unix:".length) })
    : await Deno.connect({
      hostname: address.slice(0, colon).replace(/^\[|\]$/g, ""),
      port: Number(address.slice(colon + 1)),
    });
  // Steps without a reply would wait for one another.
  if (!address.startsWith("unix:")) (conn as Deno.TcpConn).setNoDelay(true);
  const close = () => {
    try {
      conn.close();
    } catch {
      // closed by the other side, or by the time
    }
  };
  const timer = setTimeout(close, timeoutMs);
  const session = new Session(conn);
  const offer = new Uint8Array(12);
  for (const [i, value] of OFFER.entries()) new DataView(offer.buffer).setUint32(i * 4, value);
  try {
    const { text: agreed } = await session.step(packet("O", offer));
    const octets = Uint8Array.from(agreed, (character) => character.charCodeAt(0));
    const bits = octets.length < 13 ? 0 : new DataView(octets.buffer).getUint32(9);
    const steps = [
      packet("C", "localhost\x004\x00\x00127.0.0.1\x00"),
      packet("H", `${helo}\0`),
      packet("M", `<${sender}>\0`),
      ...recipients.map((each) => packet("R", `<${each}>\0`)),
      ...content(message),
      packet("E"),
    ];
    let reply: Reply = { code: 250, text: "accepted" };
    for (const step of steps) {
      const [skipped, silent] = BITS[String.fromCharCode(step[4]!)]!;
      if (bits & skipped) continue;
      if (bits & silent) {
        await session.write(step);
        continue;
      }
      reply = meaning(await session.step(step));
      if (reply.code >= 400) break;
    }
    await session.write(packet("Q")).catch(() => {});
    return reply;
  } finally {
    clearTimeout(timer);
    close();
  }
}

/** What an SMTP client hears of it. */
function meaning({ command, text }: { command: string; text: string }): Reply {
  switch (command) {
    case "a":
    case "c":
      return { code: 250, text: "accepted" };
    case "d":
      return { code: 250, text: "taken, and not passed on" };
    case "r":
      return { code: 550, text: "rejected" };
    case "t":
      return { code: 451, text: "deferred" };
    case "y": {
      const said = text.slice(1).replaceAll("%%", "%").replaceAll("\0", "");
      return { code: Number(said.slice(0, 3)), text: said.slice(4) };
    }
    default:
      throw new Error(`The agent answered ${JSON.stringify(command)}, which is no reply`);
  }
}
