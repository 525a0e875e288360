/** A real Postern as a child process, from documents that a test gives. */
import { ControlClient } from "../daemon/control/client.ts";
import type { ConfigInput } from "../policy/config.ts";
import { ENVELOPE } from "./mail.ts";
import { Process } from "./peers/process.ts";
import { sendMail } from "./peers/smtp_client.ts";
import { POSTERN } from "./program.ts";
import { type ProcessFacts, processTree } from "./processes.ts";
import { temporaryDirectory } from "./temporary.ts";
import { accepts, freePort, until } from "./wait.ts";

type AnyAgent = NonNullable<ConfigInput["agents"]>[number];
type SmtpInput = Extract<AnyAgent, { agent: "smtp" }>;
type OtherInput<Agent extends AnyAgent> = Agent extends SmtpInput ? never
  : Omit<Agent, "listen"> & { readonly listen?: string };

/**
 * One agent as documents have it, without its address: an smtp agent where it says nothing else. `listen` is for sockets in the
 * file system.
 */
export type AgentInput =
  | (Omit<SmtpInput, "listen" | "agent"> & { readonly agent?: "smtp" })
  | OtherInput<AnyAgent>;

/** What a gateway is started with. */
export interface GatewayOptions {
  /** By listener name, each on a port of its own. */
  readonly agents: Readonly<Record<string, AgentInput>>;
  /** The policy document, as it would stand in definePolicy(...). */
  readonly policy?: unknown;
  /** Other parts of the configuration. */
  readonly config?: Omit<ConfigInput, "agents">;
}

/** Start of both documents; they are written out as JSON, which TypeScript reads. */
const document = (maker: string, value: unknown) =>
  `import { ${maker} } from "postern";\n\nexport default ${maker}(${
    JSON.stringify(value, null, 2)
  });\n`;

/** A running daemon; it can be killed and started again on the same ports and state. */
export class Gateway implements AsyncDisposable {
  /** Where documents and state lie. */
  readonly directory: string;
  /** Path of postern.config.ts. */
  readonly config: string;
  readonly #ports: ReadonlyMap<string, number>;
  readonly #temporary: AsyncDisposable;
  #process: Process | undefined;

  private constructor(
    directory: { path: string } & AsyncDisposable,
    ports: ReadonlyMap<string, number>,
  ) {
    this.#temporary = directory;
    this.directory = directory.path;
    this.config = `${directory.path}/postern.config.ts`;
    this.#ports = ports;
  }

  /** Writes the documents and starts the daemon; resolves when every listener accepts. */
  static async start(options: GatewayOptions): Promise<Gateway> {
    const ports = new Map<string, number>();
    for (const [name, agent] of Object.entries(options.agents)) {
      if ("listen" in agent) continue;
      let port = freePort();
      while ([...ports.values()].includes(port)) port = freePort();
      ports.set(name, port);
    }
    const gateway = new Gateway(await temporaryDirectory(), ports);
    try {
      await gateway.writeDocuments(options);
      await gateway.run();
    } catch (error) {
      await gateway[Symbol.asyncDispose]();
      throw error;
    }
    return gateway;
  }

  /** Writes both documents anew, for a reload; listeners keep their ports. */
  async writeDocuments(options: GatewayOptions): Promise<void> {
    const agents = Object.entries(options.agents).map(([name, agent]) => ({
      agent: "smtp",
      name,
      ...("listen" in agent ? {} : { listen: `127.0.0.1:${this.port(name)}` }),
      ...agent,
    }));
    const config = {
      state: "./state",
      policy: "./policy.ts",
      hostname: "gateway.test",
      ...options.config,
      agents,
    };
    await Deno.writeTextFile(
      `${this.directory}/policy.ts`,
      document("definePolicy", options.policy ?? {}),
    );
    await Deno.writeTextFile(this.config, document("defineConfig", config));
  }

  /** Starts the daemon on what lies in the directory. */
  async run(): Promise<void> {
    const process = new Process("postern", POSTERN, ["daemon", "--config", this.config], {
      env: { POSTERN_DENO: Deno.execPath() },
    });
    this.#process = process;
    for (const [name, port] of this.#ports) {
      await process.ready(`listener ${name}`, () => accepts(port));
    }
    // The last thing that comes up; one that a killed daemon left behind does not answer.
    await process.ready("the control socket", async () => {
      try {
        (await this.control()).close();
        return true;
      } catch {
        return false;
      }
    });
  }

  /** Port of a listener. */
  port(name: string): number {
    const port = this.#ports.get(name);
    if (port === undefined) throw new Error(`There is no listener ${name}`);
    return port;
  }

  /** Sends a message from outside to a listener. Its reply's code. */
  async send(message: Uint8Array, listener = "in"): Promise<number> {
    return (await sendMail(this.port(listener), { ...ENVELOPE, message })).code;
  }

  /** All that the daemon and its children wrote to stderr and stdout. */
  get log(): string {
    return this.#process?.output ?? "";
  }

  /** Process id of the child that was started. */
  get pid(): number {
    if (!this.#process) throw new Error("The gateway does not run");
    return this.#process.pid;
  }

  /** The daemon's process and all below it. */
  async tree(): Promise<ProcessFacts[]> {
    return await processTree(this.pid);
  }

  /** Processes in which mail is scanned. */
  async scanners(): Promise<ProcessFacts[]> {
    return (await this.tree()).filter(({ pid, command }) =>
      pid !== this.pid && /scanner/.test(command)
    );
  }

  /** A connection to the daemon's control socket. */
  async control(): Promise<ControlClient> {
    return await ControlClient.connect(`${this.directory}/state/control.sock`);
  }

  /**
   * SIGKILL to the daemon itself, as an out-of-memory killer would: its children are left to find out for themselves.
   *
   * @returns the processes that were there, so that it can be seen that they all end.
   */
  async kill(): Promise<readonly number[]> {
    const tree = await this.tree();
    const scanners = new Set((await this.scanners()).map(({ pid }) => pid));
    for (const { pid } of tree) {
      // With a wrapper that changed the user, the daemon is the wrapper's child: both go.
      if (scanners.has(pid)) continue;
      try {
        Deno.kill(pid, "SIGKILL");
      } catch (error) {
        if (!(error instanceof Deno.errors.NotFound)) throw error;
      }
    }
    await this.#process?.end();
    return tree.map(({ pid }) => pid);
  }

  /** SIGTERM, as a supervisor would; resolves with the exit status. */
  async stop(): Promise<number> {
    const process = this.#process;
    if (!process) throw new Error("The gateway does not run");
    return (await process.stop(40_000)).code;
  }

  /** Waits for a text in the log. */
  async logged(pattern: RegExp): Promise<RegExpExecArray> {
    return await until(`${pattern} in the log`, () => pattern.exec(this.log) ?? undefined, {
      more: () => this.log,
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process?.stop(40_000);
    await this.#temporary[Symbol.asyncDispose]();
  }
}
