import { print } from "./output.ts";
import { readSource } from "./scanning/read.ts";
import type { ToolsConnection } from "./tools_connection.ts";

/**
 * What a mail server's helper works with: files that the server names, the daemon, and what it answers on stdout.
 *
 * @param maxSize Largest file, octets.
 */
export function helperWorld(tools: ToolsConnection, maxSize: number) {
  return {
    /** @throws {Error} for a file that cannot be read, or is larger. */
    async readFile(path: string): Promise<Uint8Array> {
      const octets = await readSource(path, maxSize);
      if (octets === undefined) throw new Error("it is larger than --max-size");
      return octets;
    },
    process: async (...args: Parameters<ToolsConnection["process"]>) =>
      (await tools.process(...args)).answer,
    write: print,
  };
}
