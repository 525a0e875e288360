/** The loops that take sixteen octets at a time, as one WebAssembly module with one memory, made on first need. */
import { wasmModule } from "../wasm_words.ts";
import { LOOK_FUNCTION } from "./look_program.ts";
import { HEX_TABLE, PAGES } from "./octet_memory.ts";
import { NO_DIGIT, QUOTED_PRINTABLE_FUNCTION } from "./quoted_printable_program.ts";

/** The functions, each of which takes the length of what lies in the memory. */
interface Programs {
  readonly look: (length: number) => number;
  readonly quotedPrintable: (length: number) => number;
  readonly memory: Uint8Array;
}

let programs: Programs | undefined;

/** The loops; what a call leaves in the memory is good until the next. */
export function octetPrograms(): Programs {
  return programs ??= makePrograms();
}

function makePrograms(): Programs {
  const module = new WebAssembly.Module(
    wasmModule(PAGES, [LOOK_FUNCTION, QUOTED_PRINTABLE_FUNCTION]),
  );
  const { look, quotedPrintable, memory } = new WebAssembly.Instance(module).exports;
  if (
    typeof look !== "function" || typeof quotedPrintable !== "function" ||
    !(memory instanceof WebAssembly.Memory)
  ) {
    throw new TypeError("The loops over octets have other exports");
  }
  const octets = new Uint8Array(memory.buffer);
  octets.fill(NO_DIGIT, HEX_TABLE, HEX_TABLE + 256);
  for (const [value, digit] of [..."0123456789ABCDEF"].entries()) {
    octets[HEX_TABLE + digit.charCodeAt(0)] = value;
  }
  return {
    look: look as Programs["look"],
    quotedPrintable: quotedPrintable as Programs["quotedPrintable"],
    memory: octets,
  };
}
