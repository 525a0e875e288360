import { Buffer } from "node:buffer";
import { parseListen } from "../listener.ts";

/** A client of a test that sends octets and reads what comes, right or wrong. */
export class RawClient implements Disposable {
  readonly conn: Deno.Conn;
  #seen = "";

  private constructor(conn: Deno.Conn) {
    this.conn = conn;
  }

  /** Connects to `HOST:PORT` or `unix:/PATH`. */
  static async connect(address: string): Promise<RawClient> {
    if (address.startsWith("unix:")) {
      return new RawClient(await Deno.connect({ transport: "unix", path: address.slice(5) }));
    }
    return new RawClient(await Deno.connect(parseListen(address)));
  }

  /** Sends all of it. */
  async write(data: string | Uint8Array): Promise<void> {
    const octets = typeof data === "string" ? Buffer.from(data, "latin1") : data;
    for (let at = 0; at < octets.length;) at += await this.conn.write(octets.subarray(at));
  }

  /** Says that nothing more comes. */
  async closeWrite(): Promise<void> {
    await this.conn.closeWrite();
  }

  /** Everything up to the end of the stream, Latin-1; a connection that breaks ends it, too. */
  async all(): Promise<string> {
    while (await this.#more());
    return this.#seen;
  }

  /** Reads until a text has come. @returns what came so far. */
  async until(text: string): Promise<string> {
    while (!this.#seen.includes(text)) {
      if (!await this.#more()) throw new Error(`The stream ended without ${text}: ${this.#seen}`);
    }
    return this.#seen;
  }

  /** Forgets what came. @returns it. */
  take(): string {
    const seen = this.#seen;
    this.#seen = "";
    return seen;
  }

  async #more(): Promise<boolean> {
    const chunk = new Uint8Array(65_536);
    const count = await this.conn.read(chunk).catch(() => null);
    if (count === null) return false;
    this.#seen += Buffer.from(chunk.subarray(0, count)).toString("latin1");
    return true;
  }

  [Symbol.dispose](): void {
    try {
      this.conn.close();
    } catch {
      // closed before
    }
  }
}

/** Sends octets, and reads to the end of the stream. */
export async function talk(address: string, data: string | Uint8Array): Promise<string> {
  using client = await RawClient.connect(address);
  await client.write(data);
  return await client.all();
}
