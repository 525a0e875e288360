/** clamd, asked with INSTREAM: clamd(8), clamd/session.c. One connection a message. */
import { PosternError } from "../../errors.ts";
import type { WireStream } from "../../agents/stream.ts";
import { type EngineAnswer, found, silent } from "./answer.ts";
import type { Connect } from "./connect.ts";
import { CHUNK_OCTETS, MAX_CLAMD_ANSWER } from "./limits.ts";
import { OctetReader } from "./octet_reader.ts";

const NUL = Uint8Array.of(0);
const decoder = new TextDecoder("utf-8", { fatal: false });

/**
 * Asks about one object.
 *
 * @param signal Aborted at the time limit.
 * @throws {PosternError} `wire/…` where there is no answer.
 */
export async function askClamd(
  connect: Connect,
  octets: Uint8Array,
  signal: AbortSignal,
): Promise<EngineAnswer> {
  return await connect(signal, async (stream) => {
    // It answers early where the object is too large for it, and then closes: what is still being sent fails.
    const sending = send(stream, octets).then(() => undefined, (error: unknown) => error);
    const answer = await readAnswer(stream).catch((error: unknown) => error);
    if (answer instanceof Uint8Array) return clamdAnswer(decoder.decode(answer));
    // A broken connection has no more to say; what is still being sent ends with it.
    stream.close();
    throw answer ?? await sending ??
      new PosternError("wire/closed", "The connection ended without an answer");
  });
}

async function send(stream: WireStream, octets: Uint8Array): Promise<void> {
  await stream.write(new TextEncoder().encode("zINSTREAM\0"));
  for (let at = 0; at < octets.length; at += CHUNK_OCTETS) {
    const chunk = octets.subarray(at, at + CHUNK_OCTETS);
    const framed = new Uint8Array(4 + chunk.length);
    new DataView(framed.buffer).setUint32(0, chunk.length);
    framed.set(chunk, 4);
    await stream.write(framed);
  }
  await stream.write(new Uint8Array(4));
}

async function readAnswer(stream: WireStream): Promise<Uint8Array | undefined> {
  return await new OctetReader(stream).until(NUL, MAX_CLAMD_ANSWER);
}

/**
 * Reads an answer, without the NUL at its end.
 *
 * `stream: OK`, `stream: NAME FOUND`, `stream: REASON ERROR`, `INSTREAM size limit exceeded. ERROR`; with detail
 * (`stream: NAME(hash:size) FOUND`) the name stands before the bracket.
 */
export function clamdAnswer(text: string): EngineAnswer {
  const line = text.replace(/[\r\n]+$/, "");
  if (line === "stream: OK") return { status: "clean" };
  const name = /^stream: (.+) FOUND$/.exec(line)?.[1];
  if (name !== undefined) {
    const plain = name.replace(/\([0-9a-f]{32,64}:\d+\)$/, "");
    // With AlertExceedsMax: not a thing that was found, but one that was not looked at.
    return plain.startsWith("Heuristics.Limits.Exceeded")
      ? silent("partial", plain)
      : found([plain]);
  }
  if (/^INSTREAM size limit exceeded\b/.test(line)) return silent("size", line);
  if (
    /^(?:stream: )?.* ERROR$/.test(line) || /^(?:COMMAND UNAVAILABLE|UNKNOWN COMMAND)$/.test(line)
  ) {
    return silent("error", line);
  }
  return silent("malformed", `not an answer of clamd: ${line}`);
}
