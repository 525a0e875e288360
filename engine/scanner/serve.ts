/** The reading side of a scanner: a worker that gave up its permissions and takes one object at a time from the pool's socket. */
import { freeOctets } from "../../free_octets.ts";
import type { RewriteRequest, RewriteResult, ScanSettings, Verdict } from "../types.ts";
import { FrameReader, type FrameSink, type FrameSource, writeFrames } from "./frames.ts";
import { MAX_HEAD_OCTETS, MAX_OBJECT_OCTETS } from "./limits.ts";
import { confineThread, type KernelRefusal } from "./landlock.ts";
import { giveUpPermissions } from "./permissions.ts";
import type {
  ScannerAnswer,
  ScannerHello,
  ScannerRequest,
  StartMessage,
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
  onmessage: ((event: MessageEvent<StartMessage | ToolsMessage>) => void) | null;
  postMessage(message: unknown): void;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Scans what comes over the pool's socket until that closes. Call once, at the worker's top level. */
export function serveScans(engine: ScannerEngine): void {
  const scope = globalThis as unknown as WorkerScope;
  const say = (state: WorkerState) => scope.postMessage(state);
  let connection: Deno.UnixConn | undefined;
  let kept: string[] = [];
  let refused: readonly KernelRefusal[] = [];
  scope.onmessage = async ({ data }) => {
    if ("start" in data) {
      if (!connection) throw new Error("The scanner was started before it had its socket");
      const hello: ScannerHello = {
        hello: true,
        kept: [...new Set([...kept, ...data.kept])],
        refused: data.refused.length > 0 ? data.refused : refused,
      };
      await converse(engine, connection, hello).catch(() => {}); // the pool has gone, or speaks otherwise
      say({ state: "closed" });
      return;
    }
    try {
      engine.takeTools?.(data);
      connection = await Deno.connect({ transport: "unix", path: data.socket });
      refused = confineThread(data.library);
      kept = giveUpPermissions();
      say({ state: "connected" });
    } catch (error) {
      say({ state: "refused", reason: error instanceof Error ? error.message : String(error) });
    }
  };
  say({ state: "there" });
}

async function converse(
  engine: ScannerEngine,
  connection: FrameSource & FrameSink,
  hello: ScannerHello,
): Promise<void> {
  await writeFrames(connection, encoder.encode(JSON.stringify(hello)));
  const reader = new FrameReader(connection);
  const requests = new Requests();
  for (;;) {
    const head = await reader.read(MAX_HEAD_OCTETS);
    const octets = head && await reader.read(MAX_OBJECT_OCTETS);
    if (!octets) return;
    await writeFrames(connection, ...await answerTo(engine, requests.read(head), octets));
    freeOctets(octets);
  }
}

/** Reads heads of requests; most scans have the one of the scan before. */
class Requests {
  #text = "";
  #request: ScannerRequest | undefined;

  /** @param head From the pool, which is trusted: no check beyond the type. */
  read(head: Uint8Array): ScannerRequest {
    const text = decoder.decode(head);
    if (this.#request && text === this.#text) return this.#request;
    this.#text = text;
    return this.#request = JSON.parse(text) as ScannerRequest;
  }
}

/** @returns the frames of the answer: its head, and after a rewrite the octets. */
async function answerTo(
  engine: ScannerEngine,
  request: ScannerRequest,
  octets: Uint8Array,
): Promise<readonly Uint8Array[]> {
  try {
    if (request.op === "scan") {
      return [encode({ ok: "scan", verdict: await engine.scan(octets, request.settings) })];
    }
    const { message, layout, failed } = await engine.rewrite(octets, request.request);
    return [encode({ ok: "rewrite", layout, failed }), message];
  } catch (error) {
    const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    const memory = error instanceof RangeError && REFUSED_MEMORY.test(error.message);
    const reason = memory ? "memory" : "crashed";
    return [encode({ ok: false, reason, message: text.slice(0, 500) })];
  }
}

function encode(answer: ScannerAnswer): Uint8Array {
  return encoder.encode(JSON.stringify(answer));
}
