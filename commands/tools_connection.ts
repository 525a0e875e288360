/** The running daemon, as the programs reach it that mail servers start: to have one message after the other processed. */
import type { ProcessAnswer, ProcessRequest } from "../agents/pipe/process.ts";
import { ControlClient } from "../daemon/control/client.ts";
import { type DaemonOptions, socketPath } from "./connect.ts";

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
  #client: ControlClient | undefined;

  private constructor(path: string) {
    this.path = path;
  }

  /** @throws {PosternError} `daemon/not-running` where it cannot be told which daemon is meant. */
  static async to(options: DaemonOptions): Promise<ToolsConnection> {
    return new ToolsConnection(await socketPath(options, "tools"));
  }

  /**
   * Connects now, so that what is needed for it can be given up.
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
   * @throws {PosternError} the daemon's own error; `daemon/not-running`, `wire/closed`.
   */
  async process(request: ProcessRequest, octets: Uint8Array): Promise<Processed> {
    const client = await this.connect();
    const { result, octets: message } = await client.call("process", request, octets);
    const answer = result as ProcessAnswer;
    return message === undefined ? { answer } : { answer, message };
  }
}
