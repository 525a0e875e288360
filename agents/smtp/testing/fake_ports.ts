import { PosternError } from "../../../errors.ts";
import { looksInfected } from "./looks_infected.ts";
import type {
  RewriteRequest,
  RewriteResult,
  ScanSettings,
  Verdict,
} from "../../../engine/types.ts";
import { compilePolicy } from "../../../policy/compile.ts";
import type { DecisionTree } from "../../../policy/tree.ts";
import type { Envelope } from "../../../policy/types.ts";
import { walkHeader } from "../../header_walk.ts";
import type {
  AgentPorts,
  GreylistRequest,
  LogLevel,
  MessageRecord,
  QuarantineRequest,
} from "../../ports.ts";

/** Ports that keep what they are told; what is scanned is infected where it holds `INFECTED`. */
export class FakePorts implements AgentPorts {
  tree: DecisionTree;
  readonly records: MessageRecord[] = [];
  readonly kept: QuarantineRequest[] = [];
  readonly maildir: { path: string; envelope: Envelope; message: string }[] = [];
  readonly logged: string[] = [];
  readonly operated: string[] = [];
  /** Octets that are held now, and how many may be. */
  held = 0;
  room = Infinity;
  /** Makes quarantine fail. */
  full = false;
  readonly asked: GreylistRequest[] = [];
  /** What the greylist answers. */
  greylisting: (request: GreylistRequest) => number | Promise<number> = () => 0;
  /** Runs in each scan, before its verdict. */
  scanning: (message: Uint8Array, signal?: AbortSignal) => Promise<void> | void = () => {};

  constructor(policy: unknown = {}) {
    this.tree = compilePolicy(policy);
  }

  policy(): DecisionTree {
    return this.tree;
  }

  async scan(message: Uint8Array, _settings: ScanSettings, signal?: AbortSignal): Promise<Verdict> {
    await this.scanning(message, signal);
    return looksInfected(message);
  }

  rewrite(message: Uint8Array, request: RewriteRequest): Promise<RewriteResult> {
    const header = message.subarray(0, walkHeader(message).layout.headerEnd);
    const [removal] = request.remove;
    if (removal === undefined) {
      return Promise.resolve({ message, layout: walkHeader(message).layout, failed: [] });
    }
    const { notice } = removal;
    const text = new TextEncoder().encode(
      `\r\n${typeof notice === "string" ? notice : notice.en}`,
    );
    const rewritten = new Uint8Array([...header, ...text]);
    return Promise.resolve({
      message: rewritten,
      layout: walkHeader(rewritten).layout,
      failed: [],
    });
  }

  async greylist(request: GreylistRequest): Promise<number> {
    this.asked.push(request);
    return await this.greylisting(request);
  }

  quarantine(request: QuarantineRequest): Promise<string> {
    if (this.full) return Promise.reject(new PosternError("store/full", "The store is full"));
    this.kept.push(request);
    return Promise.resolve(`kept${this.kept.length}`);
  }

  deliverMaildir(path: string, envelope: Envelope, message: Uint8Array): Promise<void> {
    this.maildir.push({ path, envelope, message: new TextDecoder("latin1").decode(message) });
    return Promise.resolve();
  }

  reserve(octets: number): Promise<boolean> {
    if (this.held + octets > this.room) return Promise.resolve(false);
    this.held += octets;
    return Promise.resolve(true);
  }

  release(octets: number): void {
    this.held -= octets;
  }

  operate(operation: string): void {
    this.operated.push(operation);
  }

  record(record: MessageRecord): void {
    this.records.push(record);
  }

  log(
    level: LogLevel,
    message: string,
    fields: Readonly<Record<string, string | number | boolean>> = {},
  ): void {
    this.logged.push(`${level} ${message} ${JSON.stringify(fields)}`);
  }
}
