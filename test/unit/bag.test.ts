import { describe, expect, test } from "bun:test";
import { Bag, type Bagged } from "../../src/bag.ts";
import { keptOf } from "../support/kept.ts";

class Item implements Bagged {
  readonly name: number;
  bagAt = -1;

  constructor(name: number) {
    this.name = name;
  }
}

describe("a bag", () => {
  test("holds what was added and not deleted, in any order of deleting", () => {
    const bag = new Bag<Item>();
    const items = Array.from({ length: 100 }, (_, i) => new Item(i));
    for (const item of items) bag.add(item);
    const left = new Set(items);
    // 37 has no divisor in common with 100, so that each has its turn once.
    for (let i = 0; i < items.length; i++) {
      const item = items[(i * 37) % items.length] as Item;
      expect(bag.delete(item)).toBe(left.delete(item));
      expect(bag.size).toBe(left.size);
      expect(new Set(bag.items)).toEqual(left);
    }
    expect(items.every(({ bagAt }) => bagAt === -1)).toBe(true);
  });

  test("knows what it does not hold", () => {
    const bag = new Bag<Item>();
    const other = new Bag<Item>();
    const item = new Item(1);
    expect(bag.delete(item)).toBe(false);
    other.add(item);
    bag.add(new Item(2));
    expect(bag.delete(item)).toBe(false);
    expect(bag.size).toBe(1);
    expect(other.delete(item)).toBe(true);
  });

  test("takes one again", () => {
    const bag = new Bag<Item>();
    const item = new Item(1);
    bag.add(item);
    bag.delete(item);
    bag.add(item);
    expect([...bag.items]).toEqual([item]);
  });

  test("keeps nothing that passed through it, unlike a set", async () => {
    const set = new Set<Item>();
    const inSet = await keptOf(
      pass(
        (item) => set.add(item),
        (item) => set.delete(item),
      ),
    );
    const bag = new Bag<Item>();
    const inBag = await keptOf(
      pass(
        (item) => bag.add(item),
        (item) => bag.delete(item),
      ),
    );
    expect(inBag).toBeLessThan(PASSED / 50);
    // Why the bag is there: once a set keeps no more either, it can go.
    expect(inSet).toBeGreaterThan(PASSED / 10);
  });
});

const PASSED = 2_000;
const AT_ONCE = 4;

/** Lets items through, a few of them inside at a time. */
function pass(add: (item: Item) => void, remove: (item: Item) => void) {
  return async (): Promise<readonly WeakRef<Item>[]> => {
    const inside: Item[] = [];
    const weak: WeakRef<Item>[] = [];
    for (let i = 0; i < PASSED; i++) {
      const item = new Item(i);
      weak.push(new WeakRef(item));
      add(item);
      inside.push(item);
      if (inside.length > AT_ONCE) remove(inside.shift() as Item);
    }
    for (const item of inside) remove(item);
    return weak;
  };
}
