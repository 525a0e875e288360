/** A mail server's side of the protocol, strict about what a filter may say. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";

/** One packet. */
export interface Said {
  readonly command: string;
  readonly data: Buffer;
}

/** A packet to send. */
export function frame(command: string, data: Uint8Array | string = ""): Buffer {
  const octets = typeof data === "string" ? Buffer.from(data, "latin1") : Buffer.from(data);
  const head = Buffer.alloc(5);
  head.writeUInt32BE(octets.length + 1);
  head.write(command, 4, "latin1");
  return Buffer.concat([head, octets]);
}

/** Macros for a command: names and values in turn. */
export function macros(command: string, ...pairs: readonly string[]): Buffer {
  return frame("D", `${command}${pairs.map((each) => `${each}\0`).join("")}`);
}

/** The offer of an MTA. */
export function offer(version = 6, actions = 0x1ff, protocol = 0x1fffff): Buffer {
  const data = Buffer.alloc(12);
  for (const [i, value] of [version, actions, protocol].entries()) data.writeUInt32BE(value, i * 4);
  return frame("O", data);
}

/** CONNECT of a client. */
export function connect(name: string, address: string): Buffer {
  const family = address.includes(":") ? "6" : "4";
  return frame("C", `${name}\0${family}\x9c\x40${address}\0`);
}

/** What the filter wants changed, and its final word. */
export interface EndOfMessage {
  readonly modifications: readonly Said[];
  readonly progress: number;
  readonly final: Said;
}

/** Commands of which NR_ and NO_ bits tell whether they are sent and answered. */
const STEPS = {
  C: { no: 0x1, noReply: 0x1000 },
  H: { no: 0x2, noReply: 0x2000 },
  M: { no: 0x4, noReply: 0x4000 },
  R: { no: 0x8, noReply: 0x8000 },
  B: { no: 0x10, noReply: 0x80000 },
  L: { no: 0x20, noReply: 0x80 },
  N: { no: 0x40, noReply: 0x40000 },
  U: { no: 0x100, noReply: 0x20000 },
  T: { no: 0x200, noReply: 0x10000 },
} as const;

/** A message as the MTA has it. */
export interface MtaMessage {
  readonly sender?: string;
  readonly recipients?: readonly string[];
  /** Name and value; folds as LF; the blank behind the colon is not part of it. */
  readonly fields: readonly (readonly [name: string, value: string])[];
  readonly body: Uint8Array | string;
}

/** A connection to a filter. */
export class Mta {
  readonly conn: Deno.Conn;
  protocol = 0;
  actions = 0;
  version = 0;
  /** Progress reports so far. */
  heard = 0;
  #buffered = Buffer.alloc(0);

  constructor(conn: Deno.Conn) {
    this.conn = conn;
  }

  /** Connects to `HOST:PORT` or `unix:/PATH`. */
  static async connect(address: string): Promise<Mta> {
    if (address.startsWith("unix:")) {
      return new Mta(await Deno.connect({ transport: "unix", path: address.slice(5) }));
    }
    const colon = address.lastIndexOf(":");
    const conn = await Deno.connect({
      hostname: address.slice(0, colon),
      port: Number(address.slice(colon + 1)),
    });
    conn.setNoDelay(true);
    return new Mta(conn);
  }

  async write(octets: Uint8Array): Promise<void> {
    for (let at = 0; at < octets.length;) at += await this.conn.write(octets.subarray(at));
  }

  /** The next packet; `undefined` where the filter has closed the connection. */
  async read(): Promise<Said | undefined> {
    const chunk = new Uint8Array(65536);
    while (true) {
      if (this.#buffered.length >= 4) {
        const end = 4 + this.#buffered.readUInt32BE(0);
        if (this.#buffered.length >= end) {
          const said = {
            command: this.#buffered.toString("latin1", 4, 5),
            data: this.#buffered.subarray(5, end),
          };
          this.#buffered = this.#buffered.subarray(end);
          return said;
        }
      }
      const count = await this.conn.read(chunk).catch(() => null);
      if (count === null) return undefined;
      this.#buffered = Buffer.concat([this.#buffered, chunk.subarray(0, count)]);
    }
  }

  /** Offers and checks what the filter asks for. @returns what it sent behind the three numbers. */
  async negotiate(version = 6, actions = 0x1ff, protocol = 0x1fffff): Promise<Buffer> {
    await this.write(offer(version, actions, protocol));
    const said = await this.read();
    assert.equal(said?.command, "O");
    this.version = said!.data.readUInt32BE(0);
    this.actions = said!.data.readUInt32BE(4);
    this.protocol = said!.data.readUInt32BE(8);
    assert.ok(this.version <= version);
    assert.equal(this.actions & ~actions, 0, "asks for actions that were not offered");
    assert.equal(this.protocol & ~protocol, 0, "asks for protocol bits that were not offered");
    return said!.data.subarray(12);
  }

  /** Sends a command as far as it was agreed on. @returns the reply; `c` where none is to come. */
  async step(command: keyof typeof STEPS, octets: Uint8Array): Promise<Said> {
    const { no, noReply } = STEPS[command];
    if (this.protocol & no) return { command: "c", data: Buffer.alloc(0) };
    await this.write(octets);
    if (this.protocol & noReply) return { command: "c", data: Buffer.alloc(0) };
    const said = await this.read();
    assert.ok(said, `no reply to ${command}`);
    if (said.command !== "y") assert.equal(said.data.length, 0, "octets behind a reply");
    return said;
  }

  /** CONNECT and HELO. */
  async greet(address = "192.0.2.1", name = "client.test"): Promise<Said> {
    const said = await this.step("C", connect(name, address));
    if (said.command !== "c") return said;
    return await this.step("H", frame("H", "client.test\0"));
  }

  /** MAIL and RCPT. @returns the first reply that is not `c`, or the last one. */
  async envelope(
    sender = "<a@sender.test>",
    recipients: readonly string[] = ["<b@here.test>"],
  ): Promise<Said> {
    let said = await this.step("M", frame("M", `${sender}\0`));
    for (const recipient of recipients) {
      if (said.command !== "c") return said;
      said = await this.step("R", frame("R", `${recipient}\0`));
    }
    return said;
  }

  /** Header and body, and what the filter says at the end. */
  async content({ fields, body }: MtaMessage): Promise<EndOfMessage> {
    await this.step("T", frame("T"));
    const blank = this.protocol & 0x100000 ? " " : "";
    for (const [name, value] of fields) {
      const said = await this.step("L", frame("L", `${name}\0${blank}${value}\0`));
      assert.equal(said.command, "c");
    }
    assert.equal((await this.step("N", frame("N"))).command, "c");
    const octets = typeof body === "string" ? Buffer.from(body, "latin1") : Buffer.from(body);
    for (let at = 0; at < octets.length; at += 65535) {
      const said = await this.step("B", frame("B", octets.subarray(at, at + 65535)));
      if (said.command === "s") break;
      assert.equal(said.command, "c");
    }
    return await this.end();
  }

  /** End of message: modifications, then one final reply, in the order that Postfix takes. */
  async end(data: Uint8Array | string = ""): Promise<EndOfMessage> {
    await this.write(frame("E", data));
    const modifications: Said[] = [];
    let progress = 0;
    let inBody = false;
    while (true) {
      const said = await this.read();
      assert.ok(said, "no final reply");
      if (said.command === "p") {
        assert.equal(said.data.length, 0);
        progress++;
        this.heard++;
      } else if ("acdrtsy4f".includes(said.command)) {
        if (said.command !== "y") assert.equal(said.data.length, 0, "octets behind a reply");
        return { modifications, progress, final: said };
      } else {
        assert.ok("+-behilmq2".includes(said.command), `unknown reply ${said.command}`);
        assert.ok(!inBody || said.command === "b", "the new body is not the last, or in pieces");
        inBody = said.command === "b";
        this.#allowed(said.command);
        modifications.push(said);
      }
    }
  }

  #allowed(command: string): void {
    const bits: Record<string, number> = { h: 0x1, i: 0x1, b: 0x2, "+": 0x4, "-": 0x8, m: 0x10 };
    assert.ok(this.actions & (bits[command] ?? 0), `${command} was not agreed on`);
  }

  /** One message from MAIL to the final reply. */
  async message(message: MtaMessage): Promise<EndOfMessage> {
    const said = await this.envelope(message.sender, message.recipients);
    assert.equal(said.command, "c", said.data.toString());
    return await this.content(message);
  }

  close(): void {
    try {
      this.conn.close();
    } catch {
      // The filter was first.
    }
  }
}

/** A field and its new value, of `i`, `m` (with index) and `h`. */
export function fieldOf({ command, data }: Said): { index?: number; name: string; value: string } {
  const text = data.subarray(command === "h" ? 0 : 4).toString("latin1");
  const [name = "", value = ""] = text.split("\0");
  return { ...(command === "h" ? {} : { index: data.readUInt32BE(0) }), name, value };
}

/** The message as it is after the modifications; what Postfix and Sendmail do with them. */
export function modified(
  message: MtaMessage,
  { modifications }: EndOfMessage,
  leadingSpace: boolean,
): {
  readonly fields: readonly (readonly [string, string])[];
  readonly body: string;
} {
  let fields: (readonly [string, string])[] = message.fields.map(([name, value]) => [
    name,
    ` ${value}`,
  ]);
  const body: Buffer[] = [];
  const whole = (value: string) => leadingSpace ? value : ` ${value}`;
  for (const said of modifications) {
    if (said.command === "b") body.push(said.data);
    if (!"him".includes(said.command)) continue;
    const { index = 0, name, value } = fieldOf(said);
    if (said.command === "h") fields = [...fields, [name, whole(value)]];
    else if (said.command === "i") fields = fields.toSpliced(index, 0, [name, whole(value)]);
    else {
      let seen = 0;
      const at = fields.findIndex(([each]) =>
        each.toLowerCase() === name.toLowerCase() && ++seen === index
      );
      assert.ok(at >= 0, `there is no field ${name} ${index}`);
      fields = value === "" ? fields.toSpliced(at, 1) : fields.with(at, [name, whole(value)]);
    }
  }
  const old = typeof message.body === "string"
    ? message.body
    : Buffer.from(message.body).toString("latin1");
  return { fields, body: body.length > 0 ? Buffer.concat(body).toString("latin1") : old };
}
