package signetverify

import (
	"slices"
	"strings"
)

// demand is a right that a route asks of a verified token. Its error is a
// *TokenError with InsufficientScope.
type demand func(Claims) error

// noDemand lets every valid token in.
func noDemand(Claims) error { return nil }

// allScopes demands all of these scopes.
func allScopes(needed []string) demand {
	requireNames("RequireScope", needed)
	together := strings.Join(needed, " ")
	return func(claims Claims) error {
		held := claims.Scopes()
		for _, scope := range needed {
			if !slices.Contains(held, scope) {
				return newTokenError(InsufficientScope, "the token needs the scope "+shown(together), together)
			}
		}
		return nil
	}
}

// oneRole demands one of these roles, in roles or role.
func oneRole(accepted []string) demand {
	requireNames("RequireRole", accepted)
	return func(claims Claims) error {
		if haveCommon(claims.Roles(), accepted) {
			return nil
		}
		return refuse(InsufficientScope, "the token needs the role %s", shownAll(accepted))
	}
}

// onePermission demands one of these permissions, in permissions.
func onePermission(accepted []string) demand {
	requireNames("RequireAnyPermission", accepted)
	return func(claims Claims) error {
		if haveCommon(claims.Permissions(), accepted) {
			return nil
		}
		return refuse(InsufficientScope, "the token needs the permission %s", shownAll(accepted))
	}
}

// platformOwner demands that is_platform_owner is exactly true.
func platformOwner(claims Claims) error {
	if claims.IsPlatformOwner() {
		return nil
	}
	return refuse(InsufficientScope, "the token is not that of a platform owner")
}

func haveCommon(held, accepted []string) bool {
	return slices.ContainsFunc(accepted, func(each string) bool { return slices.Contains(held, each) })
}

// requireNames panics for an empty demand, which would let everybody in. It is
// a mistake of the program, found when the route is made.
func requireNames(what string, names []string) {
	if len(names) == 0 || slices.Contains(names, "") {
		panic("signetverify: " + what + " takes one name or more, none of them empty")
	}
}
