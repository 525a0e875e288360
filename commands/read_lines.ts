/** Lines of a stream that a program reads its work from. */

/**
 * The lines of stdin, without their ends; the last one may have none.
 *
 * @param maxOctets A longer line comes in pieces, of which none can be taken for a short one: the caller sees them as wrong lines.
 */
export async function* readLines(
  stream: ReadableStream<Uint8Array>,
  maxOctets: number,
): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of stream) {
    rest += decoder.decode(chunk, { stream: true });
    const lines = rest.split("\n");
    rest = lines.pop() ?? "";
    yield* lines;
    if (rest.length > maxOctets) {
      yield rest;
      rest = "";
    }
  }
  if (rest !== "") yield rest;
}
