/** @param {string} root @returns {Promise<string[]>} */
export async function houseRules(root) {
  return []
}
