/** The instructions behind the octet 0f. */
import { calculate, multiply, shiftDouble } from "./arithmetic.ts";
import { Fault } from "./memory.ts";
import { EAX, ECX, EDX, type Processor, type Size } from "./processor.ts";
import { extendedSystemInstruction } from "./system_instructions.ts";

/** Between two readings of the time stamp so many cycles pass, as where nothing but the program runs. */
const CYCLES = 64;
/** What CPUID says: a Pentium of Intel's. */
const IDENTITY = { vendor: [0x756e6547, 0x49656e69, 0x6c65746e], signature: 0x0f43 } as const;

/** Runs an instruction whose octet 0f was read. Throws {@link Fault}. */
export function extended(p: Processor): void {
  const opcode = p.code8();
  const { wide } = p;
  const size: Size = opcode & 1 ? wide : 1;
  if (opcode >= 0x80 && opcode < 0x90) {
    const by = p.code(wide);
    if (p.condition(opcode & 15)) p.ip = (p.ip + by) | 0;
    return;
  }
  if (opcode >= 0xc8 && opcode < 0xd0) {
    const value = p.registers[opcode & 7] ?? 0;
    p.registers[opcode & 7] = (value << 24) | ((value & 0xff00) << 8) | ((value >>> 8) & 0xff00) |
      (value >>> 24);
    return;
  }
  switch (opcode) {
    case 0x31:
      p.registers[EAX] = p.timeStamp = (p.timeStamp + CYCLES) | 0;
      p.registers[EDX] = 0;
      return;
    case 0x00:
    case 0x01:
    case 0x06:
    case 0x08:
    case 0x09:
    case 0x0b:
    case 0x20:
    case 0x21:
    case 0x22:
    case 0x23:
    case 0x30:
    case 0x32:
    case 0xb9:
    case 0xff:
      return extendedSystemInstruction(p, opcode);
    case 0xa0:
      return p.push(0x3b, wide);
    case 0xa1:
      p.pop(wide);
      return;
    case 0xa2: {
      const isVendor = p.registers[EAX] === 0;
      const [ebx, edx, ecx] = isVendor ? IDENTITY.vendor : [0, 0, 0];
      p.registers[EAX] = isVendor ? 1 : IDENTITY.signature;
      p.registers[3] = ebx;
      p.registers[EDX] = edx;
      p.registers[ECX] = ecx;
      return;
    }
  }
  p.modrm();
  if (opcode >= 0x90 && opcode < 0xa0) {
    return p.setOperand(1, p.condition(opcode & 15) ? 1 : 0);
  }
  if (opcode >= 0x40 && opcode < 0x50) {
    const value = p.operand(wide);
    if (p.condition(opcode & 15)) p.setRegister(p.middle, wide, value);
    return;
  }
  switch (opcode) {
    case 0x18:
    case 0x19:
    case 0x1f:
      return;
    case 0xa3:
    case 0xab:
    case 0xb3:
    case 0xbb:
      return bit(p, (opcode >> 3) & 3, p.register(p.middle, wide), true);
    case 0xba:
      if (p.middle < 4) throw new Fault("illegal");
      return bit(p, p.middle & 3, p.code8(), false);
    case 0xa4:
    case 0xa5:
    case 0xac:
    case 0xad: {
      const value = p.operand(wide);
      const by = opcode & 1 ? p.register(ECX, 1) : p.code8();
      const other = p.register(p.middle, wide);
      return p.setOperand(wide, shiftDouble(p, opcode < 0xa8, value, other, by, wide));
    }
    case 0xaf:
      return p.setRegister(
        p.middle,
        wide,
        multiply(p, p.register(p.middle, wide), p.operand(wide), wide),
      );
    case 0xb0:
    case 0xb1: {
      const value = p.operand(size);
      calculate(p, 7, p.register(EAX, size), value, size);
      if (p.zero === 1) p.setOperand(size, p.register(p.middle, size));
      else p.setRegister(EAX, size, value);
      return;
    }
    case 0xb6:
      return p.setRegister(p.middle, wide, p.operand(1));
    case 0xb7:
      return p.setRegister(p.middle, wide, p.operand(2));
    case 0xbe:
      return p.setRegister(p.middle, wide, (p.operand(1) << 24) >> 24);
    case 0xbf:
      return p.setRegister(p.middle, wide, (p.operand(2) << 16) >> 16);
    case 0xbc:
    case 0xbd: {
      const value = p.operand(wide);
      p.zero = value === 0 ? 1 : 0;
      if (value === 0) return;
      const low = opcode === 0xbc;
      return p.setRegister(p.middle, wide, 31 - Math.clz32(low ? value & -value : value));
    }
    case 0xc0:
    case 0xc1: {
      const value = p.operand(size);
      const sum = calculate(p, 0, value, p.register(p.middle, size), size);
      p.setRegister(p.middle, size, value);
      return p.setOperand(size, sum);
    }
  }
  p.unsupported();
}

/** BT, BTS, BTR, BTC by their number. */
function bit(p: Processor, op: number, number: number, mayLeave: boolean): void {
  const bits = 8 * p.wide;
  if (mayLeave && !p.isRegister) {
    const signed = p.wide === 2 ? (number << 16) >> 16 : number;
    p.address = (p.address + p.wide * Math.floor(signed / bits)) | 0;
  }
  const mask = 1 << (number & (bits - 1));
  const value = p.operand(p.wide);
  p.carry = value & mask ? 1 : 0;
  if (op === 1) p.setOperand(p.wide, value | mask);
  else if (op === 2) p.setOperand(p.wide, value & ~mask);
  else if (op === 3) p.setOperand(p.wide, value ^ mask);
}
