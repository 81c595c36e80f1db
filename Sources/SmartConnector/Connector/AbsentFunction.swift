/// A function for the connector as a whole is not there: whoever was asked to call it has called nothing.
///
/// A type of its own, which nothing but what calls functions elsewhere can throw, so that no error of a function is taken for
/// it.
package struct AbsentFunction: Error {
    package init() {}
}
