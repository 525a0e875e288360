/**
 * Instructions that belong to the system. Those that a program may not use, and interrupts, are faults that it may have meant: then
 * its handler goes on.
 */
import { Fault } from "./memory.ts";
import { ESP, type Processor, type Size } from "./processor.ts";

/** What segment registers hold in a 32-bit program on Windows: ES, CS, SS, DS, FS, GS. */
export const SELECTORS = [0x23, 0x1b, 0x23, 0x23, 0x3b, 0] as const;
/** CS. */
const CODE = 0x1b;
/** What SGDT and SIDT say of a machine that is none in another one: limit and address. */
const TABLES = [[0x3ff, 0x8003f000], [0x7ff, 0x8003f400]] as const;
/** The low half of CR0, and the selector of the task. */
const MACHINE_STATUS = 0x3b, TASK = 0x28;

/** Runs an instruction of one octet of opcode that nothing else knows. Throws {@link Fault}. */
export function systemInstruction(p: Processor, opcode: number): number {
  switch (opcode) {
    case 0x62: {
      p.modrm();
      if (p.isRegister) throw new Fault("illegal");
      const index = signed(p.register(p.middle, p.wide), p.wide);
      const low = signed(p.memory.read(p.address, p.wide), p.wide);
      const high = signed(p.memory.read((p.address + p.wide) | 0, p.wide), p.wide);
      if (index < low || index > high) throw new Fault("bounds");
      return 1;
    }
    case 0xc4:
    case 0xc5:
      p.modrm();
      if (p.isRegister) throw new Fault("illegal");
      p.setRegister(p.middle, p.wide, p.operand(p.wide));
      return 1;
    case 0xca:
    case 0xcb: {
      const more = opcode === 0xca ? p.code(2) : 0;
      const back = p.pop();
      if ((p.pop() & 0xffff) !== CODE) p.unsupported();
      p.ip = back;
      p.registers[ESP] = (p.registers[ESP] ?? 0) + more;
      return 1;
    }
    case 0xcd:
      return interrupt(p, p.code8());
    case 0xce:
      if (p.overflow === 1) throw new Fault("overflow");
      return 1;
    case 0xcf: {
      const back = p.pop();
      if ((p.pop() & 0xffff) !== CODE) p.unsupported();
      p.flags = p.pop();
      p.ip = back;
      return 1;
    }
    case 0xea: {
      const to = p.code(4);
      if (p.code(2) !== CODE) p.unsupported();
      p.ip = to;
      return 1;
    }
    case 0xf1:
      throw new Fault("step");
    case 0x6c: // INS, OUTS, IN, OUT, HLT, CLI, STI
    case 0x6d:
    case 0x6e:
    case 0x6f:
    case 0xe4:
    case 0xe5:
    case 0xe6:
    case 0xe7:
    case 0xec:
    case 0xed:
    case 0xee:
    case 0xef:
    case 0xf4:
    case 0xfa:
    case 0xfb:
      throw new Fault("privileged");
  }
  return p.unsupported();
}

/** Whether an instruction takes the prefix LOCK: it has to write to memory, and be one of these. Throws {@link Fault}. */
export function mayBeLocked(p: Processor, opcode: number): boolean {
  const isExtended = opcode === 0x0f;
  const number = isExtended ? p.memory.read8(p.ip) : opcode;
  const modrm = p.memory.read8((p.ip + (isExtended ? 1 : 0)) | 0);
  if (modrm >= 0xc0) return false;
  const group = (modrm >> 3) & 7;
  if (isExtended) {
    return [0xab, 0xb0, 0xb1, 0xb3, 0xbb, 0xc0, 0xc1].includes(number) ||
      (number === 0xba && group > 4) || (number === 0xc7 && group === 1);
  }
  if (number < 0x38) return (number & 7) < 2;
  if (number >= 0x80 && number < 0x84) return group < 7;
  if (number === 0xf6 || number === 0xf7) return group === 2 || group === 3;
  if (number === 0xfe || number === 0xff) return group < 2;
  return number === 0x86 || number === 0x87;
}

function signed(value: number, size: Size): number {
  return size === 2 ? (value << 16) >> 16 : value;
}

/** What a program may ask for by number is `int3` and its likes; the system's own calls are not interpreted. */
function interrupt(p: Processor, number: number): number {
  if (number === 3 || number === 0x2d) throw new Fault("breakpoint");
  if (number === 4) throw new Fault("overflow");
  if (number === 0x2e) p.unsupported();
  p.memory.faultAt = -1;
  p.memory.faultWrites = false;
  throw new Fault("access");
}

/** Runs an instruction behind 0F that nothing else knows; its ModR/M octet is not read yet. Throws {@link Fault}. */
export function extendedSystemInstruction(p: Processor, opcode: number): void {
  switch (opcode) {
    case 0x00:
      p.modrm();
      // SLDT, STR; LLDT, LTR; VERR and VERW say yes
      if (p.middle < 2) p.setOperand(p.isRegister ? p.wide : 2, p.middle === 1 ? TASK : 0);
      else if (p.middle < 4) throw new Fault("privileged");
      else if (p.middle < 6) p.zero = 1;
      else throw new Fault("illegal");
      return;
    case 0x01: {
      p.modrm();
      const table = TABLES[p.middle];
      if (table !== undefined && !p.isRegister) {
        p.memory.write(p.address, 2, table[0]);
        p.memory.write((p.address + 2) | 0, 4, table[1]);
      } else if (p.middle === 4) p.setOperand(p.isRegister ? p.wide : 2, MACHINE_STATUS);
      else if (p.isRegister && p.middle < 4) throw new Fault("illegal");
      else throw new Fault("privileged");
      return;
    }
    case 0x06: // CLTS, INVD, WBINVD, MOV of control and debug registers, WRMSR, RDMSR
    case 0x08:
    case 0x09:
    case 0x20:
    case 0x21:
    case 0x22:
    case 0x23:
    case 0x30:
    case 0x32:
      throw new Fault("privileged");
    case 0x0b: // UD2, UD1, UD0
    case 0xb9:
    case 0xff:
      throw new Fault("illegal");
  }
  p.unsupported();
}
