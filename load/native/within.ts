/**
 * What `work` resolves to.
 * @param late what the error says when it takes longer than `ms`; nobody hears then how it ends
 */
export async function within<T>(ms: number, work: Promise<T>, late: () => string): Promise<T> {
  const tooLate = Promise.withResolvers<never>();
  const timer = setTimeout(() => tooLate.reject(new Error(late())), ms);
  try {
    return await Promise.race([work, tooLate.promise]);
  } finally {
    clearTimeout(timer);
  }
}
