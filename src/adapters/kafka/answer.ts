/**
 * A broker's answer, also when it holds error codes: the library throws those with the answer in
 * `response`, and whoever asked knows which of them matter.
 *
 * @throws the library's error when there was no answer
 */
export async function answer<T>(asked: Promise<T>): Promise<T> {
  try {
    return await asked;
  } catch (error) {
    const { response } = error as { response?: T };
    if (response === undefined) throw error;
    return response;
  }
}
