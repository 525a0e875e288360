/** The running daemon, as the programs reach it that mail servers start: to have one message after the other processed. */
import type { ProcessAnswer, ProcessRequest } from "../agents/pipe/process.ts";
import { ControlClient } from "../daemon/control/client.ts";
import { PosternError } from "../errors.ts";
import { type DaemonOptions, socketPath } from "./connect.ts";
import { showSpan } from "./output.ts";

/** Which daemon, and how long it is waited for. */
export interface ToolsOptions extends DaemonOptions {
  /** Longest time to an answer, ms. */
  readonly maxTime: number;
}

/** What became of a message. */
export interface Processed {
  readonly answer: ProcessAnswer;
  /** The octets to go on with, where there are any. */
  readonly message?: Uint8Array;
}

/** Connects when there is something to ask, and again where the daemon was restarted in between. */
export class ToolsConnection {
  /** The daemon's socket. */
  readonly path: string;
  readonly #maxTime: number;
  #client: ControlClient | undefined;

  private constructor(path: string, maxTime: number) {
    this.path = path;
    this.#maxTime = maxTime;
  }

  /** @throws {PosternError} `daemon/not-running` where it cannot be told which daemon is meant. */
  static async to(options: ToolsOptions): Promise<ToolsConnection> {
    return new ToolsConnection(await socketPath(options, "tools"), options.maxTime);
  }

  /**
   * Connects now, so that what is needed for it can be given up. Best done when the message is there: the daemon may close a
   * connection that asks nothing.
   *
   * @throws {PosternError} `daemon/not-running` where nothing answers.
   */
  async connect(): Promise<ControlClient> {
    if (this.#client) return this.#client;
    const client = await ControlClient.connect(this.path);
    this.#client = client;
    void client.ended.then(() => {
      if (this.#client === client) this.#client = undefined;
    });
    return client;
  }

  /**
   * Takes a message through scan and policy.
   *
   * @throws {PosternError} the daemon's own error; `daemon/not-running`, `wire/closed`; `wire/timeout` where no answer comes in time.
   */
  async process(request: ProcessRequest, octets: Uint8Array): Promise<Processed> {
    const client = await this.connect();
    const late = AbortSignal.timeout(this.#maxTime);
    const { result, octets: message } = await client.call("process", request, octets, late).catch(
      (cause) => {
        if (!late.aborted) throw cause;
        const after = showSpan(this.#maxTime);
        throw new PosternError("wire/timeout", `The daemon did not answer within ${after}`, {
          cause,
        });
      },
    );
    const answer = result as ProcessAnswer;
    return message === undefined ? { answer } : { answer, message };
  }
}
