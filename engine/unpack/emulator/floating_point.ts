/**
 * What of the floating point unit is seen from outside of it: stubs have its instructions to look like more than they are, or to
 * learn where they lie. Nothing is computed.
 *
 * @see Intel 64 and IA-32 Architectures Software Developer's Manual, volume 1, 8.1
 */
import { EAX, type Processor } from "./processor.ts";

/** What the unit starts with: the control word, and the tags of eight empty registers. */
const CONTROL = 0x37f, EMPTY = 0xffff;
/** The environment in memory, and with the eight registers behind it, octets. */
const ENVIRONMENT_OCTETS = 28, STATE_OCTETS = 108;
/** Where it has the address of the last instruction, octets. */
const INSTRUCTION_AT = 12;

function store(p: Processor, octets: number): void {
  const { memory, address } = p;
  for (let i = 0; i < octets; i += 4) memory.write((address + i) | 0, 4, 0);
  memory.write(address, 4, CONTROL);
  memory.write((address + 8) | 0, 4, EMPTY);
  memory.write((address + INSTRUCTION_AT) | 0, 4, p.floatingAt);
}

/**
 * Runs an instruction of D8 to DF. Throws {@link Fault}.
 *
 * @param start Address of the instruction.
 */
export function floatingPoint(p: Processor, opcode: number, start: number): void {
  p.modrm();
  const { middle } = p;
  if (p.isRegister) {
    // FNSTSW AX
    if (opcode === 0xdf && middle === 4 && p.end === 0) p.setRegister(EAX, 2, 0);
  } else if (opcode === 0xd9 && middle === 6) return store(p, ENVIRONMENT_OCTETS);
  else if (opcode === 0xdd && middle === 6) return store(p, STATE_OCTETS);
  else if (opcode === 0xd9 && middle === 7) return p.memory.write(p.address, 2, CONTROL);
  else if (opcode === 0xdd && middle === 7) return p.memory.write(p.address, 2, 0);
  p.floatingAt = start;
}
