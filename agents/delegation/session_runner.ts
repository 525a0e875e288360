import { PosternError } from "../../errors.ts";
import { describe } from "../describe.ts";
import type { Runner } from "../session_books.ts";
import type { ConnStream } from "../stream.ts";
import { answer } from "./answer.ts";
import type { DelegationContext, DelegationSettings } from "./context.ts";
import { READ_OCTETS, WRITE_MS } from "./limits.ts";
import { RequestDecoder } from "./request_decoder.ts";

/** Runs the conversation on one connection: many requests, one after the other. */
export class DelegationRunner implements Runner {
  readonly #context: DelegationContext;
  readonly #settings: DelegationSettings;
  readonly #stream: ConnStream;
  readonly #decoder = new RequestDecoder();
  /** Requests have been read whose answers are not written. */
  #answering = false;

  constructor(context: DelegationContext, stream: ConnStream) {
    this.#context = context;
    this.#settings = context.settings;
    this.#stream = stream;
  }

  async run(): Promise<void> {
    const buffer = new Uint8Array(READ_OCTETS);
    const { idleMs } = this.#settings;
    let begun = false;
    try {
      this.#stream.deadline(idleMs);
      for (;;) {
        const count = await this.#stream.read(buffer);
        if (count === null) return;
        const actions: string[] = [];
        this.#answering = true;
        for (const request of this.#decoder.take(buffer.subarray(0, count))) {
          actions.push(await answer(this.#context, this.#settings, request));
        }
        if (actions.length === 0) {
          // Each request has its time from its first octet on: octets now and then gain none.
          if (!begun && this.#decoder.partial) this.#stream.deadline(idleMs);
          begun ||= this.#decoder.partial;
          this.#answering = false;
          continue;
        }
        this.#context.messages += actions.length;
        const text = actions.map((action) => `action=${action}\n\n`).join("");
        this.#stream.deadline(WRITE_MS);
        await this.#stream.write(new TextEncoder().encode(text));
        this.#answering = false;
        if (this.#context.draining && !this.#decoder.partial) return;
        this.#stream.deadline(idleMs);
        begun = this.#decoder.partial;
      }
    } catch (error) {
      // Without an answer the mail server asks again, then refuses for the moment.
      const ours = error instanceof PosternError && error.code.startsWith("wire/");
      this.#context.ports.log(ours ? "debug" : "error", "A session ended early", {
        listener: this.#settings.listener,
        client: this.#stream.remoteAddress || "unix socket",
        error: describe(error),
      });
    } finally {
      this.#stream.close();
    }
  }

  shutDown(): void {
    if (!this.#answering && !this.#decoder.partial) this.#stream.close();
  }
}
