/** The element with this id, which the page's HTML has. */
export function byId<T extends HTMLElement>(id: string, type: { new (): T }): T {
  const element = document.querySelector(`#${id}`);
  if (!(element instanceof type)) throw new Error(`The page has no ${type.name} called ${id}`);
  return element;
}

/** A new element. Text only ever becomes text, never HTML. */
export function make<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  className = "",
  ...content: (Node | string)[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  if (className !== "") element.className = className;
  element.append(...content);
  return element;
}
