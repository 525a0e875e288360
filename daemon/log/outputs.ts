/** stderr, a file, the local syslog socket. */
import { PosternError } from "../../errors.ts";
import type { LogEvent } from "./format.ts";
import { LINE_OCTETS, SYSLOG_OCTETS } from "./limits.ts";
import type { Output } from "./sink.ts";

/** An event as one line, of at most so many octets; without its time where the carrier has one. */
export type FormatLine = (event: LogEvent, mostOctets: number, withTime?: boolean) => string;

const encoder = new TextEncoder();

function lineOf(format: FormatLine): (event: LogEvent) => Uint8Array {
  return (event) => encoder.encode(format(event, LINE_OCTETS) + "\n");
}

function joined(lines: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(lines.reduce((sum, line) => sum + line.length, 0));
  let at = 0;
  for (const line of lines) {
    all.set(line, at);
    at += line.length;
  }
  return all;
}

async function writeAll(
  to: { write(octets: Uint8Array): Promise<number> },
  octets: Uint8Array,
): Promise<void> {
  for (let at = 0; at < octets.length;) at += await to.write(octets.subarray(at));
}

/** Lines on standard error. */
export function stderrOutput(format: FormatLine): Output {
  return {
    encode: lineOf(format),
    async write(lines, written) {
      await writeAll(Deno.stderr, joined(lines));
      written(lines.length);
    },
    close() {}, // not ours to close
  };
}

/** Lines at the end of a file, mode 0640. */
export class FileOutput implements Output {
  readonly encode: (event: LogEvent) => Uint8Array;
  readonly #path: string;
  #file: Deno.FsFile | undefined;
  /** A write broke off in mid-line: the next one begins on a line of its own. */
  #broken = false;

  constructor(path: string, format: FormatLine) {
    this.#path = path;
    this.encode = lineOf(format);
  }

  /** @throws {PosternError} `log/failed` where the file cannot be opened. */
  async open(): Promise<void> {
    try {
      this.#file ??= await Deno.open(this.#path, { append: true, create: true, mode: 0o640 });
    } catch (cause) {
      throw new PosternError("log/failed", `Cannot open the log file ${this.#path}: ${cause}`, {
        cause,
      });
    }
  }

  async write(lines: readonly Uint8Array[], written: (count: number) => void): Promise<void> {
    await this.open(); // again after it could not be opened anew
    const file = this.#file;
    if (!file) return;
    const octets = joined(this.#broken ? [encoder.encode("\n"), ...lines] : lines);
    for (let at = 0; at < octets.length;) {
      try {
        at += await file.write(octets.subarray(at));
        this.#broken = at < octets.length;
      } catch (error) {
        // Full disk, most likely. Lines that went out whole are not written a second time.
        written(whole(lines, at - (octets.length - sum(lines))));
        throw error;
      }
    }
    this.#broken = false;
    written(lines.length);
  }

  async reopen(): Promise<void> {
    const old = this.#file;
    this.#file = undefined;
    old?.close();
    await this.open();
  }

  close(): void {
    this.#file?.close();
    this.#file = undefined;
  }
}

function sum(lines: readonly Uint8Array[]): number {
  return lines.reduce((octets, line) => octets + line.length, 0);
}

/** How many lines lie whole within the first `octets`. */
function whole(lines: readonly Uint8Array[], octets: number): number {
  let count = 0;
  for (const line of lines) {
    octets -= line.length;
    if (octets < 0) break;
    count++;
  }
  return count;
}

/** Facilities of syslog, RFC 3164, section 4.1.1. */
export const FACILITIES = {
  mail: 2,
  daemon: 3,
  local0: 16,
  local1: 17,
  local2: 18,
  local3: 19,
  local4: 20,
  local5: 21,
  local6: 22,
  local7: 23,
} as const;
const SEVERITIES = { debug: 7, info: 6, warning: 4, error: 3 } as const;
const MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");

/** `<PRI>Mmm dd hh:mm:ss postern[pid]: `, as syslog(3) writes it to the local socket (local time, no host name). */
export function syslogHeader(
  facility: keyof typeof FACILITIES,
  event: Pick<LogEvent, "level" | "time">,
): string {
  const priority = FACILITIES[facility] * 8 + SEVERITIES[event.level];
  const date = new Date(event.time);
  const at = Number.isNaN(date.getTime()) ? new Date() : date;
  const clock = [at.getHours(), at.getMinutes(), at.getSeconds()]
    .map((part) => String(part).padStart(2, "0")).join(":");
  const day = String(at.getDate()).padStart(2);
  return `<${priority}>${MONTHS[at.getMonth()]} ${day} ${clock} postern[${Deno.pid}]: `;
}

/** Datagrams to the local syslog socket. The socket may go and come back. */
export class SyslogOutput implements Output {
  readonly #path: string;
  readonly #facility: keyof typeof FACILITIES;
  readonly #format: FormatLine;
  #socket: Deno.DatagramConn | undefined;

  constructor(path: string, facility: keyof typeof FACILITIES, format: FormatLine) {
    this.#path = path;
    this.#facility = facility;
    this.#format = format;
  }

  encode(event: LogEvent): Uint8Array {
    const header = syslogHeader(this.#facility, event);
    return encoder.encode(header + this.#format(event, SYSLOG_OCTETS - header.length, false));
  }

  async write(lines: readonly Uint8Array[], written: (count: number) => void): Promise<void> {
    // An empty path: the kernel gives the socket a name of its own that no file stands for (unix(7), autobind).
    this.#socket ??= Deno.listenDatagram({ transport: "unixpacket", path: "" });
    for (const line of lines) {
      try {
        await this.#socket.send(line, { transport: "unixpacket", path: this.#path });
      } catch (error) {
        // Too long for this receiver (EMSGSIZE): it will never take it, so the line is given up; else try again later.
        if (!/EMSGSIZE|too long/i.test(String(error))) {
          this.close();
          throw error;
        }
      }
      written(1);
    }
  }

  close(): void {
    this.#socket?.close();
    this.#socket = undefined;
  }
}
