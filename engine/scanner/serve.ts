/** The reading side of a scanner: a worker without permissions that takes one object at a time. */
import type { RewriteRequest, RewriteResult, ScanSettings, Verdict } from "../types.ts";
import type {
  ScanMessage,
  ScannerAnswer,
  ScannerRequest,
  ToolsMessage,
  WorkerState,
} from "./protocol.ts";

/** What a scanner is made of; the product's is in worker.ts. */
export interface ScannerEngine {
  /** Takes what it opens rarer containers with, and the signatures; called at most once, before the first scan. Throws where it cannot. */
  takeTools?(tools: ToolsMessage): void;
  scan(octets: Uint8Array, settings: ScanSettings): Verdict | Promise<Verdict>;
  rewrite(octets: Uint8Array, request: RewriteRequest): RewriteResult | Promise<RewriteResult>;
}

/** V8's and the runtime's words for memory that was refused. */
const REFUSED_MEMORY =
  /allocation failed|out of memory|invalid (?:typed )?array (?:buffer )?length|could not allocate/i;

/** The worker's side of postMessage, which the page's `self` does not type. */
interface WorkerScope {
  onmessage: ((event: MessageEvent<ScanMessage | ToolsMessage>) => void) | null;
  postMessage(message: unknown, transfer: Transferable[]): void;
}

/** Answers each message from the main thread until the process ends. Call once, at the worker's top level. */
export function serveScans(engine: ScannerEngine): void {
  const scope = globalThis as unknown as WorkerScope;
  const say = (state: WorkerState) => scope.postMessage(state, []);
  scope.onmessage = async ({ data }) => {
    if ("sevenZip" in data) return say(take(engine, data));
    const answer = await answerTo(engine, data);
    const transfer = [answer.head.buffer as ArrayBuffer];
    if (answer.octets) transfer.push(answer.octets.buffer as ArrayBuffer);
    scope.postMessage(answer, transfer);
  };
  say({ state: "there" });
}

function take(engine: ScannerEngine, tools: ToolsMessage): WorkerState {
  try {
    engine.takeTools?.(tools);
    return { state: "ready" };
  } catch (error) {
    return { state: "refused", reason: error instanceof Error ? error.message : String(error) };
  }
}

async function answerTo(engine: ScannerEngine, message: ScanMessage): Promise<ScanMessage> {
  const octets = message.octets ?? new Uint8Array();
  try {
    // From the pool, which is trusted: no check beyond the type.
    const request = JSON.parse(new TextDecoder().decode(message.head)) as ScannerRequest;
    if (request.op === "scan") {
      return { head: encode({ ok: "scan", verdict: await engine.scan(octets, request.settings) }) };
    }
    const { message: made, layout, failed } = await engine.rewrite(octets, request.request);
    // What is transferred leaves with its whole buffer, so a view on a larger one is copied.
    const whole = made.byteLength === made.buffer.byteLength ? made : made.slice();
    return { head: encode({ ok: "rewrite", layout, failed }), octets: whole };
  } catch (error) {
    const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    const memory = error instanceof RangeError && REFUSED_MEMORY.test(error.message);
    return {
      head: encode({
        ok: false,
        reason: memory ? "memory" : "crashed",
        message: text.slice(0, 500),
      }),
    };
  }
}

function encode(answer: ScannerAnswer): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(answer));
}
