/** A server on loopback that says what a test tells it to. */
import { Buffer } from "node:buffer";

/** One connection, as a script sees it. */
export class Script {
  readonly #conn: Deno.Conn;
  /** Everything that came, latin1. */
  got = "";

  constructor(conn: Deno.Conn) {
    this.#conn = conn;
  }

  /** Reads until what came satisfies the condition, or the peer has ended. */
  async until(enough: (got: string) => boolean): Promise<string> {
    const buffer = new Uint8Array(65_536);
    while (!enough(this.got)) {
      const count = await this.#conn.read(buffer).catch(() => null);
      if (count === null) break;
      this.got += Buffer.from(buffer.subarray(0, count)).toString("latin1");
    }
    return this.got;
  }

  async say(text: string): Promise<void> {
    const octets = Buffer.from(text, "latin1");
    let at = 0;
    while (at < octets.length) at += await this.#conn.write(octets.subarray(at));
  }

  /** The peer went away. */
  async gone(): Promise<void> {
    await this.until(() => false);
  }
}

/** A running server; each connection runs the script, and is closed when that ends. */
export interface ScriptedServer extends AsyncDisposable {
  /** `127.0.0.1:PORT`. */
  readonly address: string;
  readonly port: number;
  /** Connections so far. */
  readonly connections: number;
}

/** Starts one. */
export function scriptedServer(script: (at: Script, nth: number) => Promise<void>): ScriptedServer {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const running: Promise<void>[] = [];
  const open = new Set<Deno.Conn>();
  const serve = async () => {
    for await (const conn of listener) {
      open.add(conn);
      running.push(
        script(new Script(conn), running.length).catch(() => {}).finally(() => {
          open.delete(conn);
          try {
            conn.close();
          } catch {
            // The peer was first.
          }
        }),
      );
    }
  };
  const serving = serve();
  return {
    address: `127.0.0.1:${listener.addr.port}`,
    port: listener.addr.port,
    get connections() {
      return running.length;
    },
    async [Symbol.asyncDispose]() {
      listener.close();
      for (const conn of open) conn.close();
      await serving;
      await Promise.all(running);
    },
  };
}
