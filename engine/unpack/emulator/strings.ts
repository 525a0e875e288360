/** The string instructions: MOVS, CMPS, STOS, LODS, SCAS. */
import { subtract } from "./arithmetic.ts";
import { REPETITIONS_AT_ONCE } from "./limits.ts";
import { EAX, ECX, EDI, ESI, type Processor, type Size } from "./processor.ts";

function once(p: Processor, opcode: number, size: Size): void {
  const r = p.registers;
  const by = p.direction * size;
  const from = ((r[ESI] ?? 0) + p.segment) | 0;
  const to = r[EDI] ?? 0;
  switch (opcode & 0xfe) {
    case 0xa4:
      p.memory.write(to, size, p.memory.read(from, size));
      r[ESI] = (r[ESI] ?? 0) + by;
      r[EDI] = to + by;
      return;
    case 0xa6:
      subtract(p, p.memory.read(from, size), p.memory.read(to, size), 0, size);
      r[ESI] = (r[ESI] ?? 0) + by;
      r[EDI] = to + by;
      return;
    case 0xaa:
      p.memory.write(to, size, r[EAX] ?? 0);
      r[EDI] = to + by;
      return;
    case 0xac:
      p.setRegister(EAX, size, p.memory.read(from, size));
      r[ESI] = (r[ESI] ?? 0) + by;
      return;
    default:
      subtract(p, p.register(EAX, size), p.memory.read(to, size), 0, size);
      r[EDI] = to + by;
  }
}

/**
 * Runs a string instruction with its repetitions; many of them in pieces, between which the instruction begins anew, as on a
 * processor that is interrupted.
 *
 * @param start Address of the instruction.
 * @returns how often it ran.
 */
export function stringInstruction(p: Processor, opcode: number, size: Size, start: number): number {
  if (p.repeat === 0) {
    once(p, opcode, size);
    return 1;
  }
  const r = p.registers;
  const compares = (opcode & 0xfe) === 0xa6 || (opcode & 0xfe) === 0xae;
  const goesOn = p.repeat === 0xf3 ? 1 : 0;
  let count = 0;
  while (r[ECX] !== 0) {
    if (count === REPETITIONS_AT_ONCE) {
      p.ip = start;
      return count;
    }
    once(p, opcode, size);
    r[ECX] = (r[ECX] ?? 0) - 1;
    count++;
    if (compares && p.zero !== goesOn) break;
  }
  return count;
}
