/** The process that evaluates one document: links it, runs it in a worker without permissions, says what came of it. */
import { PosternError } from "../../errors.ts";
import { FrameReader, writeFrames } from "../../engine/scanner/frames.ts";
import { cLibrary, confineThread } from "../../engine/scanner/landlock.ts";
import { link, type Source } from "./link.ts";
import { MAX_SOURCE_OCTETS } from "./limits.ts";
import type { EvaluateAnswer, FromReader, ToReader } from "./protocol.ts";

/** Frames from the daemon: a source as JSON, escapes counted. */
const MAX_FRAME_OCTETS = 6 * MAX_SOURCE_OCTETS + 4096;

/**
 * Serves one document on stdin and stdout, then ends.
 *
 * @param workerUrl Module of the evaluating worker.
 */
export async function runDocumentReader(workerUrl: string): Promise<void> {
  const reader = new FrameReader(Deno.stdin);
  const say = (message: FromReader) =>
    writeFrames(Deno.stdout, new TextEncoder().encode(JSON.stringify(message)));
  const source = async (): Promise<Source> => {
    const frame = await reader.read(MAX_FRAME_OCTETS);
    if (!frame) throw new PosternError("wire/closed", "The daemon closed");
    const message = JSON.parse(new TextDecoder().decode(frame)) as ToReader;
    if (message.type === "refused") throw new PosternError(message.code, message.message);
    return message;
  };
  // The binary has all modules in itself, and older runtimes let its workers import files: the kernel does not.
  if (Deno.build.standalone) confineThread(cLibrary());
  // The worker loads while the document is linked.
  const worker = startWorker(workerUrl);
  await say({ type: "ready" });
  try {
    const document = await source();
    const linked = await link(document, async (from, specifier) => {
      await say({ type: "need", from, specifier });
      return await source();
    });
    await say(judge(await evaluate(await worker, linked.url), document.path, linked.named));
  } catch (error) {
    const code = error instanceof PosternError ? error.code : "document/invalid";
    const message = error instanceof Error ? error.message : String(error);
    await say({ type: "refused", code, message });
  }
  Deno.exit(0);
}

function startWorker(url: string): Promise<Worker> {
  const options = { type: "module", name: "document", deno: { permissions: "none" } };
  const worker = new Worker(url, options as WorkerOptions);
  return new Promise((resolve) => {
    worker.onmessage = () => resolve(worker);
  });
}

function evaluate(worker: Worker, url: string): Promise<EvaluateAnswer> {
  return new Promise((resolve) => {
    worker.onmessage = (event: MessageEvent<EvaluateAnswer>) => resolve(event.data);
    // What escapes: a promise nobody waited for, a timer that threw.
    worker.onerror = (event) => {
      event.preventDefault();
      resolve({ error: { name: "Error", message: event.message, stack: "" } });
    };
    worker.postMessage({ url });
  });
}

/** The words for what a document may not do, by what the runtime says. */
const REFUSED = /Requires (\w+) access(?: to (.+?))?(?:, run again|, specify|$)/;

function judge(
  answer: EvaluateAnswer,
  path: string,
  named: (text: string) => string,
): FromReader {
  if ("json" in answer) return { type: "value", json: answer.json };
  const refused = (
    code: "document/invalid" | "document/forbidden",
    message: string,
  ): FromReader => ({
    type: "refused",
    code,
    message,
  });
  if ("notPlain" in answer) return refused("document/invalid", `${path}: ${answer.notPlain}`);
  if ("missing" in answer) {
    return refused("document/invalid", `${path}: has no \`export default\`, which is the document`);
  }
  const { name, message, stack } = answer.error;
  const place = /(?:^|[\s(])(\/[^\s()]+:\d+:\d+)/.exec(named(stack))?.[1] ?? path;
  const asked = REFUSED.exec(message);
  if (asked) {
    const what = asked[2] === undefined ? asked[1] : `${asked[1]} access to ${asked[2]}`;
    return refused(
      "document/forbidden",
      `${place}: asks for ${what}; a document may not read files, use the network or see the system`,
    );
  }
  return refused(
    "document/invalid",
    `${place}: ${name ? `${name}: ` : ""}${named(message).slice(0, 1000)}`,
  );
}
