/** The external engines of the configuration: asked together about each message, beside the scan. */
import type { EngineReport, Finding } from "../../engine/types.ts";
import type { CommandEngineConfig, EngineConfig } from "../../policy/engines_config.ts";
import { PosternError } from "../../errors.ts";
import { workerUrl } from "../entries.ts";
import { sizeOf, timeOf } from "../reading.ts";
import type { ProcessRow, Report } from "../status.ts";
import { describePermissions } from "../../agents/permissions.ts";
import { type EngineAnswer, type FoundName, silent } from "./answer.ts";
import { askCommand } from "./command.ts";
import { EngineGate } from "./gate.ts";
import { EngineHost } from "./host.ts";
import type { EngineResult } from "./join.ts";
import type { WireEngine } from "./worker_protocol.ts";

/** Shown by `postern status`. */
export interface EngineStatus {
  readonly name: string;
  readonly engine: EngineConfig["engine"];
  /** Address, URL or program. */
  readonly where: string;
  /** What it said last: a verdict, or nothing; `unknown` before the first message. */
  readonly state: "answers" | "silent" | "unknown";
  /** Its last words where it is silent. */
  readonly detail?: string;
  /** `asked`, `clean`, `infected`, `suspicious`, `notScanned.REASON`. */
  readonly counters: Readonly<Record<string, number>>;
  /** Of all answers together, ms. */
  readonly totalMs: number;
}

/** How engines are made. */
export interface EnginesOptions {
  /** Directory that the daemon alone can enter; files for programs lie in it for as long as they are read. */
  readonly directory: string;
  /** Empties it first: what a daemon that was killed left there is other people's mail. */
  readonly clear?: boolean;
  readonly report: Report;
}

interface Kept {
  readonly config: EngineConfig;
  readonly guesses: readonly RegExp[];
  /** Absent for those that the worker asks. */
  readonly gate?: EngineGate;
  readonly counters: Record<string, number>;
  state: EngineStatus["state"];
  detail: string;
  totalMs: number;
}

/** All of them. */
export class Engines {
  readonly #kept: readonly Kept[];
  readonly #host: EngineHost | undefined;
  readonly #report: Report;
  #open = 0;
  #onIdle: (() => void) | undefined;

  private constructor(kept: readonly Kept[], host: EngineHost | undefined, report: Report) {
    this.#kept = kept;
    this.#host = host;
    this.#report = report;
  }

  /**
   * Starts what is needed to ask them. No engine need be there yet.
   *
   * @throws {PosternError} `"document/invalid"` where two have one name; `"daemon/worker"` where the directory cannot be made.
   */
  static async start(configs: readonly EngineConfig[], options: EnginesOptions): Promise<Engines> {
    checkNames(configs);
    if (options.clear) await Deno.remove(options.directory, { recursive: true }).catch(() => {});
    if (configs.some(({ engine }) => engine === "command")) await makeDirectory(options.directory);
    const kept = configs.map((config): Kept => ({
      config,
      guesses: config.suspicious.map(globExpression),
      ...(config.engine === "command" ? { gate: commandGate(config, options.directory) } : {}),
      counters: {},
      state: "unknown",
      detail: "",
      totalMs: 0,
    }));
    const wire = configs.flatMap(wireEngine);
    const host = wire.length === 0
      ? undefined
      : new EngineHost(wire, workerUrl("engine_worker"), options.report);
    return new Engines(kept, host, options.report);
  }

  /** Whether there is none to ask. */
  get none(): boolean {
    return this.#kept.length === 0;
  }

  /**
   * Asks all of them at once about one object. Never rejects, and takes no longer than the longest of their time limits.
   *
   * @param signal Aborted when nobody waits for the answers any more.
   */
  async ask(octets: Uint8Array, signal?: AbortSignal): Promise<EngineResult[]> {
    this.#open++;
    try {
      const began = performance.now();
      const wired = this.#kept.filter(({ gate }) => !gate);
      const answers = this.#host?.ask(wired.map(({ config }) => config.name), octets, signal) ?? [];
      return await Promise.all(this.#kept.map(async (kept) => {
        const answer = await (kept.gate?.ask(octets, signal) ?? answers[wired.indexOf(kept)] ??
          silent("error", "nobody asks it"));
        return this.#result(kept, answer, performance.now() - began);
      }));
    } finally {
      if (--this.#open === 0) this.#onIdle?.();
    }
  }

  /** What `postern status` shows. */
  status(): EngineStatus[] {
    return this.#kept.map(({ config, state, detail, counters, totalMs }) => ({
      name: config.name,
      engine: config.engine,
      where: whereOf(config),
      state,
      ...(state === "silent" ? { detail } : {}),
      counters: { ...counters },
      totalMs: Math.round(totalMs),
    }));
  }

  /** Rows for the table of what may what. */
  processes(user: string): ProcessRow[] {
    const rows: ProcessRow[] = [];
    if (this.#host) {
      const may = describePermissions(this.#host.permissions);
      rows.push({ what: "engines", runsAs: "worker of the daemon", may });
    }
    for (const { config } of this.#kept) {
      if (config.engine !== "command") continue;
      rows.push({
        what: `engine ${config.name}`,
        runsAs: `a process for each message, user ${user}`,
        may: `what that user may; ${config.program}`,
      });
    }
    return rows;
  }

  /** Resolves when nobody waits for an answer; for engines that are asked no more. */
  async idle(): Promise<void> {
    while (this.#open > 0) await new Promise<void>((resolve) => this.#onIdle = resolve);
  }

  /** Ends the worker. */
  close(): void {
    this.#host?.close();
  }

  #result(kept: Kept, answer: EngineAnswer, ms: number): EngineResult {
    const { name } = kept.config;
    const findings = answer.status === "found"
      ? answer.found.map((each) => findingOf(kept, each))
      : [];
    const status = answer.status !== "found"
      ? answer.status
      : findings.some(({ severity }) => severity === "infected")
      ? "infected"
      : "suspicious";
    const reason = answer.status === "notScanned" ? answer.reason : undefined;
    const count = (what: string) => kept.counters[what] = (kept.counters[what] ?? 0) + 1;
    count("asked");
    count(reason === undefined ? status : `notScanned.${reason}`);
    kept.totalMs += ms;
    this.#note(kept, answer);
    const report: EngineReport = {
      name,
      status,
      ...(reason === undefined ? {} : { reason }),
      ms: Math.round(ms * 10) / 10,
    };
    return { report, findings };
  }

  /** Says when an engine falls silent and when it answers again, and not for each message. */
  #note(kept: Kept, answer: EngineAnswer): void {
    if (answer.status === "notScanned" && ABOUT_THE_MESSAGE.has(answer.reason)) return;
    const { name } = kept.config;
    const before = kept.state;
    if (answer.status !== "notScanned") {
      kept.state = "answers";
      if (before === "silent") {
        this.#report("info", "An external engine answers again", { engine: name });
      }
      return;
    }
    kept.state = "silent";
    kept.detail = answer.detail;
    if (before === "silent") return;
    this.#report("warning", "An external engine gives no verdict", {
      engine: name,
      reason: answer.reason,
      detail: answer.detail,
    });
  }
}

/** Reasons that say nothing of whether the engine works. */
const ABOUT_THE_MESSAGE: ReadonlySet<string> = new Set(["size", "partial", "cancelled"]);

function findingOf({ config, guesses }: Kept, { name, guess }: FoundName): Finding {
  const suspicious = guess === true || guesses.some((each) => each.test(name));
  return {
    name,
    severity: suspicious ? "suspicious" : "infected",
    part: "",
    engine: config.name,
  };
}

/** `*` is any characters, `?` is one; letters in either case. */
function globExpression(glob: string): RegExp {
  const source = glob.replace(/[.+^${}()|[\]\\]/g, "\\$&").replace(/\*+/g, ".*").replace(
    /\?/g,
    ".",
  );
  return new RegExp(`^${source}$`, "i");
}

function checkNames(configs: readonly EngineConfig[]): void {
  const names = new Set<string>();
  for (const { name } of configs) {
    if (names.has(name)) {
      throw new PosternError(
        "document/invalid",
        `Two external engines have the name ${
          JSON.stringify(name)
        }; give one of them another with name: "…"`,
      );
    }
    names.add(name);
  }
}

async function makeDirectory(directory: string): Promise<void> {
  try {
    await Deno.mkdir(directory, { recursive: true, mode: 0o700 });
  } catch (cause) {
    const words = cause instanceof Error ? cause.message : String(cause);
    throw new PosternError("daemon/worker", `Cannot make ${directory}: ${words}`, { cause });
  }
}

function commandGate(config: CommandEngineConfig, directory: string): EngineGate {
  const { program, clean, infected, infectedText, findingText } = config;
  const engine = {
    program,
    arguments: config.arguments,
    directory,
    clean,
    infected,
    findingText: new RegExp(findingText, "u"),
    ...(infectedText === undefined ? {} : { infectedText: new RegExp(infectedText, "u") }),
  };
  return new EngineGate(boundsOf(config), (octets, signal) => askCommand(engine, octets, signal));
}

function boundsOf({ time, maxSize, concurrency }: EngineConfig) {
  return { timeMs: timeOf(time), maxOctets: sizeOf(maxSize), concurrency };
}

function wireEngine(config: EngineConfig): WireEngine[] {
  const bounds = { name: config.name, ...boundsOf(config) };
  switch (config.engine) {
    case "clamd":
      return [{ ...bounds, speaks: { protocol: "clamd", address: config.address } }];
    case "icap": {
      const { url, method, preview } = config;
      return [{ ...bounds, speaks: { protocol: "icap", url, method, preview } }];
    }
    case "command":
      return [];
  }
}

function whereOf(config: EngineConfig): string {
  switch (config.engine) {
    case "clamd":
      return config.address;
    case "icap":
      return config.url;
    case "command":
      return config.program;
  }
}
