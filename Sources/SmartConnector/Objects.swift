/// The object that a value is; nil where it is none, but a struct or the like.
///
/// `as AnyObject` makes an object of whatever it is given, and takes twenty times as long.
///
/// - Parameter value: What has this very type. To a value behind `any` it is handed on by an extension of the protocol.
func object<T>(of value: T) -> AnyObject? {
    // An instance of a class is a reference to it, and nothing else.
    T.self is AnyClass ? unsafeBitCast(value, to: AnyObject.self) : nil
}
