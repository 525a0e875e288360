/**
 * Where a document runs: a worker with no permission, in a process with none. It imports one module and answers with the value
 * of its default export as JSON, if that is plain data. An entry, imported by nothing.
 */
import { MAX_DEPTH } from "./limits.ts";
import type { EvaluateAnswer, EvaluateRequest } from "./protocol.ts";

/** A worker's global scope, which the page's `self` does not type. */
interface WorkerScope {
  onmessage: ((event: MessageEvent<EvaluateRequest>) => void) | null;
  postMessage(message: EvaluateAnswer | "ready"): void;
}

const scope = globalThis as unknown as WorkerScope;

/** Thrown inside for a value that is no plain data; `message` names its place. */
class NotPlain extends Error {}

function member(path: string, key: string): string {
  if (/^[A-Za-z_$][\w$]*$/.test(key)) return path === "" ? key : `${path}.${key}`;
  return `${path}[${JSON.stringify(key)}]`;
}

/** What a value is, for people: `a function`, `a Map`. */
function kindOf(value: unknown): string {
  if (typeof value === "object" && value !== null) {
    const name: unknown = value.constructor?.name;
    return typeof name === "string" && name !== "" ? `an instance of ${name}` : "an unusual object";
  }
  return typeof value === "undefined" ? "undefined" : `a ${typeof value}`;
}

/** A copy that has nothing but what JSON has; members that are undefined are left out, as if they were not written. */
function plain(value: unknown, path: string, above: readonly object[]): unknown {
  const place = path === "" ? "the document" : path;
  if (value === null || typeof value === "string" || typeof value === "boolean") return value;
  if (typeof value === "number") {
    if (Number.isFinite(value)) return value;
    throw new NotPlain(`${place} is ${value}, which is no number that a document may have`);
  }
  if (typeof value !== "object") {
    throw new NotPlain(`${place} is ${kindOf(value)}; a document may have plain data only`);
  }
  if (above.includes(value)) throw new NotPlain(`${place} contains itself`);
  if (above.length >= MAX_DEPTH) throw new NotPlain(`${place} is nested deeper than ${MAX_DEPTH}`);
  const below = [...above, value];
  if (Array.isArray(value)) {
    return Array.from(value, (each, i) => {
      const copy = plain(each, `${path}[${i}]`, below);
      return copy;
    });
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) {
    throw new NotPlain(`${place} is ${kindOf(value)}; a document may have plain data only`);
  }
  const copy: [string, unknown][] = [];
  for (const key of Reflect.ownKeys(value)) {
    if (typeof key === "symbol") throw new NotPlain(`${place} has a member named by a symbol`);
    const descriptor = Object.getOwnPropertyDescriptor(value, key);
    const name = member(path, key);
    if (!descriptor || !("value" in descriptor)) {
      throw new NotPlain(
        `${name} is computed when it is read; a document may have plain data only`,
      );
    }
    if (descriptor.value !== undefined) copy.push([key, plain(descriptor.value, name, below)]);
  }
  return Object.fromEntries(copy);
}

async function evaluate({ url }: EvaluateRequest): Promise<EvaluateAnswer> {
  try {
    const module: Record<string, unknown> = await import(url);
    if (module.default === undefined) return { missing: true };
    return { json: JSON.stringify(plain(module.default, "", [])) };
  } catch (error) {
    if (error instanceof NotPlain) return { notPlain: error.message };
    if (!(error instanceof Error)) {
      return { error: { name: "", message: String(error), stack: "" } };
    }
    return { error: { name: error.name, message: error.message, stack: error.stack ?? "" } };
  }
}

scope.onmessage = async (event) => scope.postMessage(await evaluate(event.data));
scope.postMessage("ready");
