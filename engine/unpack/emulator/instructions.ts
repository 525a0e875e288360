/** The instructions of one octet of opcode. */
import {
  calculate,
  divide,
  isCompare,
  logic,
  multiply,
  multiplyLong,
  shift,
  step,
} from "./arithmetic.ts";
import { extended } from "./extended.ts";
import { floatingPoint } from "./floating_point.ts";
import { Fault } from "./memory.ts";
import { EAX, EBP, ECX, EDX, ESP, type Processor, type Size } from "./processor.ts";
import { stringInstruction } from "./strings.ts";
import { mayBeLocked, SELECTORS, systemInstruction } from "./system_instructions.ts";

/** Longest run of prefixes: longer instructions are none. */
const MAX_PREFIXES = 14;

/**
 * Runs one instruction. Registers may have changed when it throws; {@link Processor.ip} then is anywhere in or behind it.
 * Throws {@link Fault}.
 *
 * @returns how many instructions it counts as.
 */
export function execute(p: Processor): number {
  const start = p.ip;
  p.wide = 4;
  p.segment = 0;
  p.repeat = 0;
  p.isShort = false;
  let isLocked = false;
  for (let i = 0; i < MAX_PREFIXES; i++) {
    const opcode = p.code8();
    switch (opcode) {
      case 0x66:
        p.wide = 2;
        continue;
      case 0x67:
        p.isShort = true;
        continue;
      case 0x64:
        p.segment = p.memory.threadAt;
        continue;
      case 0xf2:
      case 0xf3:
        p.repeat = opcode;
        continue;
      case 0x26:
      case 0x2e:
      case 0x36:
      case 0x3e:
        continue;
      case 0xf0:
        isLocked = true;
        continue;
    }
    if (isLocked && !mayBeLocked(p, opcode)) throw new Fault("illegal");
    return opcode < 0x40
      ? low(p, opcode)
      : opcode < 0x80
      ? middle(p, opcode)
      : high(p, opcode, start);
  }
  throw new Fault("illegal");
}

/** 00 to 3f: ADD to CMP, and what lies between them. */
function low(p: Processor, opcode: number): number {
  const op = opcode >> 3;
  const form = opcode & 7;
  const size: Size = form & 1 ? p.wide : 1;
  if (form < 4) {
    p.modrm();
    const value = p.operand(size);
    const other = p.register(p.middle, size);
    const result = form < 2
      ? calculate(p, op, value, other, size)
      : calculate(p, op, other, value, size);
    if (isCompare(op)) return 1;
    if (form < 2) p.setOperand(size, result);
    else p.setRegister(p.middle, size, result);
  } else if (form < 6) {
    const result = calculate(p, op, p.register(EAX, size), p.code(size), size);
    if (!isCompare(op)) p.setRegister(EAX, size, result);
  } else if (opcode === 0x0f) extended(p);
  else if (opcode < 0x20) {
    if (form === 6) p.push(SELECTORS[op] ?? 0, p.wide);
    else p.pop(p.wide);
  } else adjustDecimal(p, opcode);
  return 1;
}

/** DAA, DAS, AAA, AAS. */
function adjustDecimal(p: Processor, opcode: number): void {
  const sign = opcode === 0x27 || opcode === 0x37 ? 1 : -1;
  const al = p.register(EAX, 1);
  const isLow = (al & 15) > 9 || p.adjust === 1;
  if (opcode < 0x30) {
    const isHigh = al > 0x99 || p.carry === 1;
    const value = al + sign * ((isLow ? 6 : 0) + (isHigh ? 0x60 : 0));
    const result = logic(p, value, 1);
    p.setRegister(EAX, 1, result);
    p.carry = isHigh ? 1 : 0;
  } else {
    if (isLow) p.setRegister(EAX, 2, p.register(EAX, 2) + sign * 0x106);
    p.setRegister(EAX, 1, p.register(EAX, 1) & 15);
    p.carry = isLow ? 1 : 0;
  }
  p.adjust = isLow ? 1 : 0;
}

/** 40 to 7f: INC, DEC, PUSH, POP, short jumps. */
function middle(p: Processor, opcode: number): number {
  const number = opcode & 7;
  const { wide } = p;
  if (opcode < 0x50) {
    const by = opcode < 0x48 ? 1 : -1;
    p.setRegister(number, wide, step(p, p.register(number, wide), by, wide));
  } else if (opcode < 0x58) p.push(p.register(number, wide), wide);
  else if (opcode < 0x60) p.setRegister(number, wide, p.pop(wide));
  else if (opcode >= 0x70) {
    const by = p.codeSigned();
    if (p.condition(opcode & 15)) p.ip = (p.ip + by) | 0;
  } else if (opcode === 0x60) {
    const before = p.register(ESP, wide);
    for (let i = 0; i < 8; i++) p.push(i === ESP ? before : p.register(i, wide), wide);
  } else if (opcode === 0x61) {
    for (let i = 7; i >= 0; i--) {
      const value = p.pop(wide);
      if (i !== ESP) p.setRegister(i, wide, value);
    }
  } else if (opcode === 0x68) p.push(p.code(wide), wide);
  else if (opcode === 0x6a) p.push(p.codeSigned(), wide);
  else if (opcode === 0x69 || opcode === 0x6b) {
    p.modrm();
    const value = p.operand(wide);
    const by = opcode === 0x69 ? p.code(wide) : p.codeSigned();
    p.setRegister(p.middle, wide, multiply(p, value, by, wide));
  } else return systemInstruction(p, opcode);
  return 1;
}

/** 80 to ff. */
function high(p: Processor, opcode: number, start: number): number {
  const size: Size = opcode & 1 ? p.wide : 1;
  const { wide } = p;
  if (opcode >= 0xb0 && opcode < 0xc0) {
    const full: Size = opcode < 0xb8 ? 1 : wide;
    p.setRegister(opcode & 7, full, p.code(full));
    return 1;
  }
  if (opcode >= 0x90 && opcode < 0x98) {
    const value = p.register(EAX, wide);
    p.setRegister(EAX, wide, p.register(opcode & 7, wide));
    p.setRegister(opcode & 7, wide, value);
    return 1;
  }
  switch (opcode) {
    case 0x80:
    case 0x81:
    case 0x82:
    case 0x83: {
      p.modrm();
      const number = p.middle;
      const from = p.operand(size);
      const by = opcode === 0x81 ? p.code(wide) : p.codeSigned();
      const result = calculate(p, number, from, by, size);
      if (!isCompare(number)) p.setOperand(size, result);
      return 1;
    }
    case 0x84:
    case 0x85:
      p.modrm();
      logic(p, p.operand(size) & p.register(p.middle, size), size);
      return 1;
    case 0x86:
    case 0x87: {
      p.modrm();
      const value = p.operand(size);
      p.setOperand(size, p.register(p.middle, size));
      p.setRegister(p.middle, size, value);
      return 1;
    }
    case 0x88:
    case 0x89:
      p.modrm();
      p.setOperand(size, p.register(p.middle, size));
      return 1;
    case 0x8a:
    case 0x8b:
      p.modrm();
      p.setRegister(p.middle, size, p.operand(size));
      return 1;
    case 0x8c:
      p.modrm();
      p.setOperand(p.isRegister ? wide : 2, SELECTORS[p.middle] ?? 0);
      return 1;
    case 0x8d:
      p.modrm();
      if (p.isRegister) throw new Fault("illegal");
      p.setRegister(p.middle, wide, p.address - p.segment);
      return 1;
    case 0x8e:
      p.modrm();
      return 1;
    case 0x8f: {
      // an address by ESP is that behind the pop
      const value = p.pop(wide);
      p.modrm();
      if (p.middle !== 0) throw new Fault("illegal");
      p.setOperand(wide, value);
      return 1;
    }
    case 0x98:
      if (wide === 4) p.registers[EAX] = (p.register(EAX, 2) << 16) >> 16;
      else p.setRegister(EAX, 2, (p.register(EAX, 1) << 24) >> 24);
      return 1;
    case 0x99:
      p.setRegister(EDX, wide, (p.register(EAX, wide) << (32 - 8 * wide)) >> 31);
      return 1;
    case 0x9b:
      return 1;
    case 0x9c:
      p.push(p.flags, wide);
      return 1;
    case 0x9d:
      p.flags = p.pop(wide);
      return 1;
    case 0x9e:
      p.lowFlags = p.register(4, 1);
      return 1;
    case 0x9f:
      p.setRegister(4, 1, p.flags);
      return 1;
    case 0xa0:
    case 0xa1:
      p.setRegister(EAX, size, p.memory.read(offset(p), size));
      return 1;
    case 0xa2:
    case 0xa3:
      p.memory.write(offset(p), size, p.register(EAX, size));
      return 1;
    case 0xa8:
    case 0xa9:
      logic(p, p.register(EAX, size) & p.code(size), size);
      return 1;
    case 0xc0:
    case 0xc1:
    case 0xd0:
    case 0xd1:
    case 0xd2:
    case 0xd3: {
      p.modrm();
      const value = p.operand(size);
      const by = opcode < 0xd0 ? p.code8() : opcode < 0xd2 ? 1 : p.register(ECX, 1);
      p.setOperand(size, shift(p, p.middle, value, by, size));
      return 1;
    }
    case 0xc2: {
      const more = p.code(2);
      p.ip = p.pop();
      p.registers[ESP] = (p.registers[ESP] ?? 0) + more;
      return 1;
    }
    case 0xc3:
      p.ip = p.pop();
      return 1;
    case 0xc6:
    case 0xc7:
      p.modrm();
      if (p.middle !== 0) throw new Fault("illegal");
      p.setOperand(size, p.code(size));
      return 1;
    case 0xc8: {
      const room = p.code(2);
      if (p.code8() !== 0) p.unsupported();
      p.push(p.registers[EBP] ?? 0);
      p.registers[EBP] = p.registers[ESP] ?? 0;
      p.registers[ESP] = (p.registers[ESP] ?? 0) - room;
      return 1;
    }
    case 0xc9:
      p.registers[ESP] = p.registers[EBP] ?? 0;
      p.registers[EBP] = p.pop();
      return 1;
    case 0xcc:
      throw new Fault("breakpoint");
    case 0xd4:
    case 0xd5: {
      const base = p.code8();
      const al = p.register(EAX, 1);
      const ah = p.register(4, 1);
      if (opcode === 0xd5) p.setRegister(EAX, 2, logic(p, (al + ah * base) & 0xff, 1) & 0xff);
      else {
        if (base === 0) throw new Fault("divide");
        p.setRegister(4, 1, Math.trunc(al / base));
        p.setRegister(EAX, 1, logic(p, al % base, 1));
      }
      return 1;
    }
    case 0xd6:
      p.setRegister(EAX, 1, -p.carry);
      return 1;
    case 0xd7:
      p.setRegister(
        EAX,
        1,
        p.memory.read8(((p.registers[3] ?? 0) + p.register(EAX, 1) + p.segment) | 0),
      );
      return 1;
    case 0xe0:
    case 0xe1:
    case 0xe2:
    case 0xe3:
      return loop(p, opcode);
    case 0xe8: {
      const by = p.code(wide);
      p.push(p.ip);
      p.ip = (p.ip + by) | 0;
      return 1;
    }
    case 0xe9: {
      const by = p.code(wide);
      p.ip = (p.ip + by) | 0;
      return 1;
    }
    case 0xeb: {
      const by = p.codeSigned();
      p.ip = (p.ip + by) | 0;
      return 1;
    }
    case 0xf5:
      p.carry ^= 1;
      return 1;
    case 0xf6:
    case 0xf7:
      return group3(p, size);
    case 0xf8:
    case 0xf9:
      p.carry = opcode & 1;
      return 1;
    case 0xfc:
    case 0xfd:
      p.direction = opcode === 0xfc ? 1 : -1;
      return 1;
    case 0xfe:
    case 0xff:
      return group5(p, size);
  }
  if (opcode >= 0xa4 && opcode < 0xb0) return stringInstruction(p, opcode, size, start);
  if (opcode >= 0xd8 && opcode < 0xe0) {
    floatingPoint(p, opcode, start);
    return 1;
  }
  return systemInstruction(p, opcode);
}

/** The address in A0 to A3. */
function offset(p: Processor): number {
  return ((p.isShort ? p.code(2) : p.code(4)) + p.segment) | 0;
}

/** LOOPNE, LOOPE, LOOP, JECXZ. */
function loop(p: Processor, opcode: number): number {
  const by = p.codeSigned();
  const size: Size = p.isShort ? 2 : 4;
  if (opcode !== 0xe3) p.setRegister(ECX, size, p.register(ECX, size) - 1);
  const isZero = p.register(ECX, size) === 0;
  const goes = opcode === 0xe3
    ? isZero
    : !isZero && (opcode === 0xe2 || (p.zero === 1) === (opcode === 0xe1));
  if (goes) p.ip = (p.ip + by) | 0;
  return 1;
}

/** TEST, NOT, NEG, MUL, IMUL, DIV, IDIV. */
function group3(p: Processor, size: Size): number {
  p.modrm();
  const value = p.operand(size);
  switch (p.middle) {
    case 0:
    case 1:
      logic(p, value & p.code(size), size);
      break;
    case 2:
      p.setOperand(size, ~value);
      break;
    case 3:
      p.setOperand(size, calculate(p, 5, 0, value, size));
      break;
    case 4:
    case 5:
      multiplyLong(p, value, p.middle === 5, size);
      break;
    default:
      divide(p, value, p.middle === 7, size);
  }
  return 1;
}

/** INC, DEC, CALL, JMP, PUSH. */
function group5(p: Processor, size: Size): number {
  p.modrm();
  const value = p.operand(size);
  if (p.middle < 2) p.setOperand(size, step(p, value, p.middle === 0 ? 1 : -1, size));
  else if (size === 1) throw new Fault("illegal");
  else if (p.middle === 2) {
    p.push(p.ip);
    p.ip = value;
  } else if (p.middle === 4) p.ip = value;
  else if (p.middle === 6) p.push(value, p.wide);
  else if (p.middle === 7) throw new Fault("illegal");
  else p.unsupported();
  return 1;
}
