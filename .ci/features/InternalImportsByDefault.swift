import Foundation

public func now() -> Date { Date() }
